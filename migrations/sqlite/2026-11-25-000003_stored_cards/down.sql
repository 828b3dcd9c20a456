DROP TABLE removals;
DROP TABLE storings;
