-- The card-testing guard: each try at a card, once under every key that it is counted by. They stand here and not in a
-- session, so that a new cookie resets nothing. A key's value is a keyed hash: no address, session id or card can be read.
CREATE TABLE tries (
  attempt_id VARCHAR(36) NOT NULL,
  kind       VARCHAR(8)  NOT NULL,       -- shop, order, session, member, address, card
  hash       VARCHAR(43) NOT NULL,       -- of the value; empty for the shop as a whole
  at         TIMESTAMP   NOT NULL,
  state      VARCHAR(8)  NOT NULL,       -- open until it is known, then good or failed
  PRIMARY KEY (attempt_id, kind, hash)
);
CREATE INDEX tries_by_key ON tries (kind, hash, at);
CREATE INDEX tries_by_age ON tries (at);
