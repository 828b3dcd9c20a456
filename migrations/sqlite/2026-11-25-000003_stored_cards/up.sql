-- Cards that members leave with the gateway (カード情報お預かり). Which cards those are stands nowhere here: the gateway is
-- asked (027) each time. Rows stand for what is under way, and are gone soon after it ended.

-- A wish to store a card (025), from the payment or the form that it came with to its end.
CREATE TABLE storings (
  storing_id    VARCHAR(36) NOT NULL PRIMARY KEY,  -- the attempt that pays with the card, or the my page's form: one form, one card
  customer_id   VARCHAR(25) NOT NULL,              -- the member's name at the gateway
  state         VARCHAR(16) NOT NULL,              -- waiting, due, sent, unknown, stored, failed
  sealed_card   TEXT,                              -- the card's token and fingerprint, encrypted, until they have left
  known_cards   TEXT,                              -- JSON: customer_card_ids before 025 left; what is new in the list is ours
  open_customer VARCHAR(25) UNIQUE,                -- customer_id while it is worked on: one at a time
  code          VARCHAR(64),                       -- why it is not stored
  tries         INTEGER     NOT NULL,
  created_at    TIMESTAMP   NOT NULL,
  sent_at       TIMESTAMP,
  due_at        TIMESTAMP,                         -- when work.step has to look at it
  version       INTEGER     NOT NULL
);
CREATE INDEX storings_due ON storings (due_at);
CREATE INDEX storings_by_customer ON storings (customer_id, created_at);
CREATE INDEX storings_by_age ON storings (created_at);

-- A member who left: all their cards are to be deleted (026). The row is gone when the gateway says that there is none.
CREATE TABLE removals (
  customer_id VARCHAR(25) NOT NULL PRIMARY KEY,
  tries       INTEGER     NOT NULL,
  code        VARCHAR(64),                         -- why not yet
  asked_at    TIMESTAMP   NOT NULL,
  due_at      TIMESTAMP   NOT NULL,
  version     INTEGER     NOT NULL
);
CREATE INDEX removals_due ON removals (due_at);
