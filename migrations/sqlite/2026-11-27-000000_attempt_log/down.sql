DROP TABLE attempt_log;
