-- What happened to each attempt, in order and without a gap: its state can be told from this alone. Rows are only added.
CREATE TABLE attempt_log (
  attempt_id VARCHAR(36) NOT NULL,
  number     INTEGER     NOT NULL,
  event      VARCHAR(20) NOT NULL,
  state      VARCHAR(20) NOT NULL,
  at         TIMESTAMP   NOT NULL,
  PRIMARY KEY (attempt_id, number)
);
INSERT INTO attempt_log (attempt_id, number, event, state, at)
  SELECT attempt_id, 1, 'carried_over', state, sent_at FROM attempts;
