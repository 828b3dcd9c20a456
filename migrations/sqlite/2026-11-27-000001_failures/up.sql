-- Background work that failed by a defect or an unreadable row: after three times it is parked, so that it keeps nothing else waiting.
CREATE TABLE failures (
  name   VARCHAR(80) NOT NULL PRIMARY KEY,
  times  INTEGER     NOT NULL,
  due_at TIMESTAMP   NOT NULL
);
