-- The staff's screen: what 詳細検索 asks for, the index behind the search box, changes of amount (one payment replaces
-- another), and bulk runs that are previewed, stopped and resumed.

ALTER TABLE orders ADD COLUMN paid_at            TIMESTAMP;                        -- 入金日
ALTER TABLE orders ADD COLUMN deliver_on         DATE;                             -- お届け日
ALTER TABLE orders ADD COLUMN tracking_number    VARCHAR(255) NOT NULL DEFAULT ''; -- お問い合わせ番号
ALTER TABLE orders ADD COLUMN search_products    TEXT         NOT NULL DEFAULT ''; -- 購入商品名, folded
ALTER TABLE orders ADD COLUMN shipping_mail_sent BOOLEAN;                          -- 出荷メール; unknown where the host does not say
ALTER TABLE orders ADD COLUMN told_at            TIMESTAMP;                        -- the host's own time of the snapshot that stands here
UPDATE orders SET told_at = updated_at;
ALTER TABLE orders ADD COLUMN index_due          INTEGER      DEFAULT 1;           -- 1 while its text waits for the index; NULL when it is in

DROP INDEX orders_by_update;
CREATE INDEX orders_by_update ON orders (removed, updated_at, order_id);
CREATE INDEX orders_by_status ON orders (removed, status, updated_at, order_id);
CREATE INDEX orders_by_number ON orders (order_number);
CREATE INDEX orders_by_index  ON orders (index_due);

-- The search index: pairs of neighbouring characters of an order's folded text, as an inverted index. It holds numbers
-- of its own, one per text: an order whose text changes gets a new number, and the old one leads nowhere.
CREATE TABLE order_texts (
  number   INTEGER     NOT NULL PRIMARY KEY AUTOINCREMENT,
  order_id VARCHAR(64) NOT NULL UNIQUE
);
CREATE VIRTUAL TABLE order_pairs USING fts5 (pairs, content = '', detail = none, columnsize = 0);

-- How many orders each status has: the list says it above every page, and counting them anew would be most of the work.
CREATE TABLE order_counts (
  status VARCHAR(16) NOT NULL PRIMARY KEY,
  orders BIGINT      NOT NULL
);
INSERT INTO order_counts SELECT status, COUNT(*) FROM orders WHERE NOT removed GROUP BY status;
CREATE TRIGGER orders_come AFTER INSERT ON orders WHEN NOT NEW.removed BEGIN
  INSERT INTO order_counts VALUES (NEW.status, 1) ON CONFLICT (status) DO UPDATE SET orders = orders + 1;
END;
CREATE TRIGGER orders_move AFTER UPDATE ON orders WHEN OLD.status <> NEW.status OR OLD.removed <> NEW.removed BEGIN
  UPDATE order_counts SET orders = orders - 1 WHERE status = OLD.status AND NOT OLD.removed;
  INSERT INTO order_counts SELECT NEW.status, 1 WHERE NOT NEW.removed
    ON CONFLICT (status) DO UPDATE SET orders = orders + 1;
END;
CREATE TRIGGER orders_go AFTER DELETE ON orders WHEN NOT OLD.removed BEGIN
  UPDATE order_counts SET orders = orders - 1 WHERE status = OLD.status;
END;

ALTER TABLE attempts ADD COLUMN change_id     VARCHAR(32);                   -- the change of amount that it was made for
ALTER TABLE attempts ADD COLUMN payment_class VARCHAR(2) NOT NULL DEFAULT '10';
ALTER TABLE attempts ADD COLUMN split_count   INTEGER    NOT NULL DEFAULT 0;

ALTER TABLE payments ADD COLUMN account     VARCHAR(64) NOT NULL DEFAULT ''; -- environment and merchant that hold it
ALTER TABLE payments ADD COLUMN three_ds    BOOLEAN     NOT NULL DEFAULT 0;  -- the card company bears chargebacks
ALTER TABLE payments ADD COLUMN replaced_by VARCHAR(32);                     -- the payment that a change put in its place

ALTER TABLE telegrams ADD COLUMN change_id VARCHAR(32);                      -- the change of amount whose step it is
ALTER TABLE telegrams ADD COLUMN number    INTEGER NOT NULL DEFAULT 0;       -- its place among the order's telegrams

-- オーソリ・売上変更: a new payment is authorised, captured where the old one was, and the old one is given back. Each
-- step is a telegram row of its own, so that a killed process loses nothing; at the end one of the two payments lives.
CREATE TABLE changes (
  change_id      VARCHAR(32)  NOT NULL PRIMARY KEY,
  order_id       VARCHAR(64)  NOT NULL REFERENCES orders (order_id),
  kind           VARCHAR(16)  NOT NULL,             -- authorisation or sale
  state          VARCHAR(16)  NOT NULL,
  old_payment_id VARCHAR(32)  NOT NULL,
  new_payment_id VARCHAR(32),
  attempt_id     VARCHAR(36)  NOT NULL,
  old_amount     BIGINT       NOT NULL,
  new_amount     BIGINT       NOT NULL,
  steps          INTEGER      NOT NULL,
  refusals       INTEGER      NOT NULL,
  code           VARCHAR(64),                       -- why it was undone or refused
  operator       VARCHAR(255),
  started_at     TIMESTAMP    NOT NULL,
  finished_at    TIMESTAMP,
  open_order     VARCHAR(64)  UNIQUE,               -- order_id while open: one change per order
  version        INTEGER      NOT NULL
);
CREATE INDEX changes_by_order ON changes (order_id);

ALTER TABLE jobs ADD COLUMN state    VARCHAR(16) NOT NULL DEFAULT 'running'; -- draft, running, stopped, finished
ALTER TABLE jobs ADD COLUMN started_at TIMESTAMP;                            -- when it was confirmed
ALTER TABLE jobs ADD COLUMN retry_of VARCHAR(32);                            -- the run whose failures it runs again
ALTER TABLE jobs ADD COLUMN search   TEXT;                                   -- the whole search that it was made from
UPDATE jobs SET state = 'finished' WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_by_state ON jobs (state, created_at);
ALTER TABLE job_items ADD COLUMN change_id VARCHAR(32);
ALTER TABLE job_items ADD COLUMN moved BOOLEAN NOT NULL DEFAULT 0;           -- changed between the list that was drawn and the draft
ALTER TABLE job_items ADD COLUMN seen      VARCHAR(64);                      -- payment and amount as the operator saw them
CREATE INDEX job_items_by_state ON job_items (job_id, state, position);

-- What the database itself has to remember, such as the merchant's account that its open operations belong to.
CREATE TABLE facts (
  name  VARCHAR(64) NOT NULL PRIMARY KEY,
  value TEXT        NOT NULL
);
