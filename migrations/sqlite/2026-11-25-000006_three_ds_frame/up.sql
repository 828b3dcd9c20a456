-- Card companies' pages that are shown in a frame: a frame asks for its page a second time. Encrypted, and gone when the
-- authentication is over.
CREATE TABLE acs_pages (
  attempt_id  VARCHAR(36) NOT NULL PRIMARY KEY,
  sealed_page TEXT        NOT NULL
);
