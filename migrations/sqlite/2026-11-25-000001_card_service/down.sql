DROP TABLE leases;
DROP TABLE notices;
DROP INDEX attempts_by_return;
ALTER TABLE attempts DROP COLUMN three_ds;
ALTER TABLE attempts DROP COLUMN sealed_card;
ALTER TABLE attempts DROP COLUMN return_key;
ALTER TABLE attempts DROP COLUMN auth_id;
ALTER TABLE orders DROP COLUMN shopper;
