DROP TABLE acs_pages;
