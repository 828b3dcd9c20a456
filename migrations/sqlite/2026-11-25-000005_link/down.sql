ALTER TABLE attempts DROP COLUMN sealed_link;
ALTER TABLE attempts DROP COLUMN link_until;
