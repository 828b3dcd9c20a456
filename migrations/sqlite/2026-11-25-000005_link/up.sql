-- The link type: the shopper types the card on Paygent's own page, and may pay there until its term is over.
ALTER TABLE attempts ADD COLUMN link_until  TIMESTAMP;   -- set for an attempt that is handed over: the end of the page's term
ALTER TABLE attempts ADD COLUMN sealed_link TEXT;        -- the page's address, encrypted, while its shopper may pay there
