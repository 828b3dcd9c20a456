-- What the plugin owns: payments and all that led to them. The host's own tables are never touched.
-- Written for what SQLite, PostgreSQL and MariaDB share: ids made by us, no partial indexes (a nullable unique
-- column stands in: NULLs never collide), no row locks (a change is a compare-and-set on `version`).
-- Money is integer yen; times are UTC.

-- The index of order snapshots that the host has told us of (hook orders.put), and each order's counters.
CREATE TABLE orders (
  order_id        VARCHAR(64)  NOT NULL PRIMARY KEY,
  order_number    VARCHAR(64)  NOT NULL,
  status          VARCHAR(16)  NOT NULL,            -- 対応状況, the host's
  amount          BIGINT       NOT NULL,            -- 購入金額 as the host last said
  customer_name   VARCHAR(255) NOT NULL,
  payment_method  VARCHAR(255) NOT NULL,
  created_at      TIMESTAMP    NOT NULL,
  ordered_at      TIMESTAMP,
  updated_at      TIMESTAMP    NOT NULL,
  search_name     VARCHAR(255) NOT NULL,            -- folded: width, kana, case, spaces
  search_kana     VARCHAR(255) NOT NULL,
  search_company  VARCHAR(255) NOT NULL,
  search_email    VARCHAR(255) NOT NULL,
  search_phone    VARCHAR(64)  NOT NULL,            -- digits only
  removed         BOOLEAN      NOT NULL,            -- withdrawn by 「戻る」, or deleted by the host
  payment_id      VARCHAR(32),                      -- the payment that the staff's operations act on
  last_hold       INTEGER      NOT NULL,
  last_attempt    INTEGER      NOT NULL,
  last_effect     INTEGER      NOT NULL,
  version         INTEGER      NOT NULL
);
CREATE INDEX orders_by_update ON orders (removed, updated_at);

-- One hold: from 決済処理中 until placed or given back. Engines use one order id again after 「戻る」, so holds are numbered.
CREATE TABLE holds (
  checkout     VARCHAR(32)  NOT NULL PRIMARY KEY,   -- 128 random bits: the card page's address
  order_id     VARCHAR(64)  NOT NULL REFERENCES orders (order_id),
  number       INTEGER      NOT NULL,
  amount       BIGINT       NOT NULL,
  state        VARCHAR(16)  NOT NULL,
  back_wanted  BOOLEAN      NOT NULL,               -- 「戻る」 came while an authorisation was in flight
  complete_url TEXT         NOT NULL,
  back_url     TEXT         NOT NULL,
  opened_at    TIMESTAMP    NOT NULL,
  closed_at    TIMESTAMP,
  open_order   VARCHAR(64)  UNIQUE,                 -- order_id while open: one open hold per order
  version      INTEGER      NOT NULL,
  UNIQUE (order_id, number)
);

-- One try to authorise. Its row is committed before its telegram 020 leaves, and the telegram leaves at most once.
CREATE TABLE attempts (
  attempt_id      VARCHAR(36) NOT NULL PRIMARY KEY,
  order_id        VARCHAR(64) NOT NULL REFERENCES orders (order_id),
  hold            INTEGER     NOT NULL,
  number          INTEGER     NOT NULL,
  trading_id      VARCHAR(25) NOT NULL UNIQUE,
  form            VARCHAR(32) NOT NULL UNIQUE,      -- the card form that was posted: one form, one attempt
  amount          BIGINT      NOT NULL,
  state           VARCHAR(16) NOT NULL,
  payment_id      VARCHAR(32),
  code            VARCHAR(32),                      -- the gateway's refusal
  sent_at         TIMESTAMP   NOT NULL,
  settled_at      TIMESTAMP,
  inquiries       INTEGER     NOT NULL,
  inquired_at     TIMESTAMP,
  next_inquiry_at TIMESTAMP,
  live_order      VARCHAR(64) UNIQUE,               -- order_id while it may hold money: one live attempt per order
  version         INTEGER     NOT NULL,
  UNIQUE (order_id, number)
);
CREATE INDEX attempts_due ON attempts (next_inquiry_at);

-- A payment at the gateway that belongs to an order.
CREATE TABLE payments (
  payment_id     VARCHAR(32) NOT NULL PRIMARY KEY,
  attempt_id     VARCHAR(36) NOT NULL REFERENCES attempts (attempt_id),
  order_id       VARCHAR(64) NOT NULL REFERENCES orders (order_id),
  trading_id     VARCHAR(25) NOT NULL,
  amount         BIGINT      NOT NULL,
  gateway_status INTEGER     NOT NULL,              -- payment_status, as the gateway last said
  last_operation VARCHAR(8),                        -- the last operation that succeeded: 021, 022, 023
  masked_card    VARCHAR(32),
  authorised_at  TIMESTAMP   NOT NULL,
  captured_at    TIMESTAMP,
  cancelled_at   TIMESTAMP,
  version        INTEGER     NOT NULL
);
CREATE INDEX payments_by_order ON payments (order_id);

-- The journal: each telegram's intent, committed before the socket opens, and what became of it. Card data never stands here.
CREATE TABLE telegrams (
  telegram_id VARCHAR(36) NOT NULL PRIMARY KEY,
  order_id    VARCHAR(64) NOT NULL REFERENCES orders (order_id),
  attempt_id  VARCHAR(36),
  payment_id  VARCHAR(32),
  kind        VARCHAR(3)  NOT NULL,
  trading_id  VARCHAR(25) NOT NULL,
  amount      BIGINT,
  state       VARCHAR(16) NOT NULL,
  operator    VARCHAR(255),
  planned_at  TIMESTAMP   NOT NULL,
  sent_at     TIMESTAMP,
  settled_at  TIMESTAMP,
  due_at      TIMESTAMP,                            -- when work.step has to look at it again
  tries       INTEGER     NOT NULL,
  code        VARCHAR(32),
  request     TEXT,                                 -- masked
  reply       TEXT,                                 -- masked
  open_key    VARCHAR(64) UNIQUE,                   -- the payment while an operation on it is open: one at a time
  version     INTEGER     NOT NULL
);
CREATE INDEX telegrams_due ON telegrams (due_at);
CREATE INDEX telegrams_by_order ON telegrams (order_id);

-- What the host has to do, written in the transaction that caused it, offered until acknowledged.
CREATE TABLE effects (
  effect_key VARCHAR(128) NOT NULL PRIMARY KEY,
  order_id   VARCHAR(64)  NOT NULL REFERENCES orders (order_id),
  number     INTEGER      NOT NULL,
  kind       VARCHAR(32)  NOT NULL,
  hold       INTEGER      NOT NULL,
  data       TEXT         NOT NULL,
  state      VARCHAR(16)  NOT NULL,
  tries      INTEGER      NOT NULL,
  reason     TEXT,
  created_at TIMESTAMP    NOT NULL,
  settled_at TIMESTAMP,
  UNIQUE (order_id, number)
);
CREATE INDEX effects_open ON effects (state, order_id);

-- A bulk run of the staff (一括売上, 一括取消): rows, so that any process goes on where another was killed.
CREATE TABLE jobs (
  job_id        VARCHAR(32)  NOT NULL PRIMARY KEY,
  operation     VARCHAR(16)  NOT NULL,
  operator_id   VARCHAR(255) NOT NULL,
  operator_name VARCHAR(255) NOT NULL,
  total         INTEGER      NOT NULL,
  created_at    TIMESTAMP    NOT NULL,
  finished_at   TIMESTAMP
);
CREATE TABLE job_items (
  job_id       VARCHAR(32) NOT NULL REFERENCES jobs (job_id),
  position     INTEGER     NOT NULL,
  order_id     VARCHAR(64) NOT NULL,
  order_number VARCHAR(64) NOT NULL,
  state        VARCHAR(16) NOT NULL,
  telegram_id  VARCHAR(36),
  kind         VARCHAR(3),
  code         VARCHAR(64),
  version      INTEGER     NOT NULL,
  PRIMARY KEY (job_id, position),
  UNIQUE (job_id, order_id)
);

-- Final answers by the caller's request id, repeated when asked again. No page and no token is kept.
CREATE TABLE answers (
  request_id VARCHAR(128) NOT NULL PRIMARY KEY,
  digest     VARCHAR(64)  NOT NULL,
  status     INTEGER      NOT NULL,
  reply      TEXT         NOT NULL,
  created_at TIMESTAMP    NOT NULL
);

-- Something that a person has to look at; names the order and what to do.
CREATE TABLE flags (
  flag_id    VARCHAR(36) NOT NULL PRIMARY KEY,
  order_id   VARCHAR(64) NOT NULL,
  kind       VARCHAR(32) NOT NULL,
  detail     TEXT        NOT NULL,
  created_at TIMESTAMP   NOT NULL,
  cleared_at TIMESTAMP
);
