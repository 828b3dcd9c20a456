PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 5000;

-- Times are Unix milliseconds. No card number is in any column.

CREATE TABLE IF NOT EXISTS payments (
    payment_id    INTEGER PRIMARY KEY NOT NULL,
    trading_id    TEXT    NOT NULL,
    amount        INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    brand         TEXT    NOT NULL,
    masked_card   TEXT    NOT NULL,
    expiry        TEXT    NOT NULL,
    fingerprint   TEXT    NOT NULL,
    card_key      TEXT    NOT NULL,
    payment_class TEXT    NOT NULL,
    split_count   TEXT    NOT NULL,
    code          TEXT    NOT NULL,
    detail        TEXT    NOT NULL,
    applied_at    INTEGER NOT NULL,
    changed_at    INTEGER NOT NULL,
    captured_at   INTEGER,
    cancelled_at  INTEGER,
    three_ds      BOOLEAN NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS payments_by_trading_id ON payments (trading_id);
CREATE INDEX IF NOT EXISTS payments_by_status ON payments (status);

CREATE TABLE IF NOT EXISTS tokens (
    token       TEXT    PRIMARY KEY NOT NULL,
    brand       TEXT    NOT NULL,
    masked_card TEXT    NOT NULL,
    expiry      TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    card_key    TEXT    NOT NULL,
    has_cvc     BOOLEAN NOT NULL,
    valid_until INTEGER NOT NULL,
    used_at     INTEGER
);

CREATE TABLE IF NOT EXISTS telegrams (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at       INTEGER NOT NULL,
    path     TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    request  TEXT    NOT NULL,
    executed BOOLEAN NOT NULL,
    reply    TEXT    NOT NULL,
    delivery TEXT    NOT NULL
);

-- What this Paygent tells the shop of by itself: numbered one after the other, pushed until answered, fetched by 091.
CREATE TABLE IF NOT EXISTS notices (
    notice_id  INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    payment_id INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    pushed_at  INTEGER,
    fetched_at INTEGER,
    amount     INTEGER
);

-- EMV 3-D Secure: one row per 450.
CREATE TABLE IF NOT EXISTS authentications (
    auth_id     TEXT    PRIMARY KEY NOT NULL,
    trading_id  TEXT    NOT NULL,
    amount      INTEGER NOT NULL,
    brand       TEXT    NOT NULL,
    masked_card TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    card_key    TEXT    NOT NULL,
    term_url    TEXT    NOT NULL,
    result      TEXT    NOT NULL,
    attempt_kbn TEXT    NOT NULL,
    tries       INTEGER NOT NULL,
    used_at     INTEGER
);

-- カード情報お預かり: numbers are not used a second time.
CREATE TABLE IF NOT EXISTS stored_cards (
    card_id     INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    customer_id TEXT    NOT NULL,
    brand       TEXT    NOT NULL,
    masked_card TEXT    NOT NULL,
    expiry      TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    card_key    TEXT    NOT NULL
);
CREATE INDEX IF NOT EXISTS stored_cards_by_customer ON stored_cards (customer_id);

-- リンク型: an order that waits for its shopper on Paygent's page, or was paid there.
CREATE TABLE IF NOT EXISTS links (
    link_id         TEXT    PRIMARY KEY NOT NULL,
    trading_id      TEXT    NOT NULL UNIQUE,
    amount          INTEGER NOT NULL,
    payment_class   TEXT    NOT NULL,
    needs_cvc       BOOLEAN NOT NULL,
    captures        BOOLEAN NOT NULL,
    merchant_name   TEXT    NOT NULL,
    payment_detail  TEXT    NOT NULL,
    return_url      TEXT    NOT NULL,
    stop_return_url TEXT    NOT NULL,
    limit_at        INTEGER NOT NULL,
    authenticates   BOOLEAN NOT NULL,
    waiting         TEXT    NOT NULL,
    payment_id      INTEGER
);
