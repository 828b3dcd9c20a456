-- The demo shop's own tables. The plugin never sees them. Money is integer yen; times are UTC.
CREATE TABLE IF NOT EXISTS products (
  product_id INTEGER NOT NULL PRIMARY KEY,
  name_ja    TEXT    NOT NULL,
  name_en    TEXT    NOT NULL,
  mark       TEXT    NOT NULL,
  price      BIGINT  NOT NULL,
  stock      INTEGER NOT NULL CHECK (stock >= 0)
);
CREATE TABLE IF NOT EXISTS members (
  member_id INTEGER NOT NULL PRIMARY KEY,
  buyer     TEXT    NOT NULL,               -- JSON of shop::Buyer
  points    BIGINT  NOT NULL CHECK (points >= 0)
);
CREATE TABLE IF NOT EXISTS sessions (
  session_id TEXT    NOT NULL PRIMARY KEY,
  member_id  INTEGER REFERENCES members (member_id),
  order_id   TEXT                            -- the order being made in this session
);
CREATE TABLE IF NOT EXISTS cart_lines (
  session_id TEXT    NOT NULL REFERENCES sessions (session_id),
  product_id INTEGER NOT NULL REFERENCES products (product_id),
  quantity   INTEGER NOT NULL,
  PRIMARY KEY (session_id, product_id)
);
CREATE TABLE IF NOT EXISTS orders (
  order_id    TEXT      NOT NULL PRIMARY KEY,
  session_id  TEXT,
  member_id   INTEGER,
  status      TEXT      NOT NULL,
  amount      BIGINT    NOT NULL,
  points      BIGINT    NOT NULL,            -- used for this order
  buyer       TEXT      NOT NULL,            -- JSON of shop::Buyer
  by_hand     BOOLEAN   NOT NULL,            -- registered by the staff: no payment exists at Paygent
  withdrawn   BOOLEAN   NOT NULL,            -- left by 「戻る」: in no list
  created_at  TIMESTAMP NOT NULL,
  ordered_at  TIMESTAMP,
  paid_at     TIMESTAMP,
  updated_at  TIMESTAMP NOT NULL,
  last_effect INTEGER   NOT NULL
);
CREATE TABLE IF NOT EXISTS order_lines (
  order_id   TEXT    NOT NULL REFERENCES orders (order_id),
  product_id INTEGER NOT NULL,
  price      BIGINT  NOT NULL,
  quantity   INTEGER NOT NULL,
  PRIMARY KEY (order_id, product_id)
);
-- Every effect that the plugin asked for, applied once: its row is written in the transaction that applies it.
CREATE TABLE IF NOT EXISTS effects (
  effect_key TEXT      NOT NULL PRIMARY KEY,
  order_id   TEXT      NOT NULL,
  number     INTEGER   NOT NULL,
  kind       TEXT      NOT NULL,
  reason     TEXT,                           -- why it was rejected; NULL where it was applied
  applied_at TIMESTAMP NOT NULL,
  UNIQUE (order_id, number)
);
-- What a hold took and gave back: two rows for each thing at the most.
CREATE TABLE IF NOT EXISTS movements (
  order_id TEXT    NOT NULL,
  hold     INTEGER NOT NULL,
  thing    TEXT    NOT NULL,                 -- `points`, or the product's number
  taken    BOOLEAN NOT NULL,                 -- taken, or given back
  quantity BIGINT  NOT NULL,
  PRIMARY KEY (order_id, hold, thing, taken)
);
CREATE TABLE IF NOT EXISTS mails (
  effect_key TEXT      NOT NULL PRIMARY KEY,
  order_id   TEXT      NOT NULL,
  sent_to    TEXT      NOT NULL,
  subject    TEXT      NOT NULL,
  sent_at    TIMESTAMP NOT NULL
);
