-- Paygent's card service: EMV 3-D Secure (450), and what the gateway tells by itself (push notices and 091).

ALTER TABLE orders ADD COLUMN shopper TEXT NOT NULL DEFAULT '';      -- JSON: what the host tells of the shopper for 3-D Secure

ALTER TABLE attempts ADD COLUMN auth_id     VARCHAR(64);             -- 3ds_auth_id of its 450, good for this attempt alone
ALTER TABLE attempts ADD COLUMN return_key  VARCHAR(32);             -- 128 random bits: the address that the browser comes back to
ALTER TABLE attempts ADD COLUMN sealed_card TEXT;                    -- the card's token, encrypted, while the holder is authenticated
ALTER TABLE attempts ADD COLUMN three_ds    BOOLEAN NOT NULL DEFAULT 0; -- authenticated: the card company bears chargebacks
CREATE UNIQUE INDEX attempts_by_return ON attempts (return_key);

-- Each notice once, by its number, whichever way it came.
CREATE TABLE notices (
  notice_id   BIGINT       NOT NULL PRIMARY KEY,
  payment_id  VARCHAR(32)  NOT NULL,
  trading_id  VARCHAR(25)  NOT NULL,
  status      INTEGER      NOT NULL,
  amount      BIGINT       NOT NULL,
  fields      TEXT         NOT NULL,          -- as it came, without its hash
  source      VARCHAR(8)   NOT NULL,          -- push or 091
  state       VARCHAR(16)  NOT NULL,          -- new, applied, unknown, mismatched
  tries       INTEGER      NOT NULL,
  received_at TIMESTAMP    NOT NULL,
  due_at      TIMESTAMP,                      -- when work.step has to look at it
  settled_at  TIMESTAMP
);
CREATE INDEX notices_due ON notices (due_at);
CREATE INDEX notices_by_payment ON notices (payment_id);
CREATE INDEX notices_by_trading_id ON notices (trading_id);
CREATE INDEX notices_by_state ON notices (state);

-- Work that one process at a time may do; who dies loses it when the time is over.
CREATE TABLE leases (
  name  VARCHAR(32) NOT NULL PRIMARY KEY,
  until TIMESTAMP   NOT NULL,
  epoch INTEGER     NOT NULL
);
