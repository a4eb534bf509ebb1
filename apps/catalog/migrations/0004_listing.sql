-- What is for sale as a list of changes: `listing` counts the transactions that changed it, and a
-- product has the number of the last one that put it in or took it out.
ALTER TABLE catalog_state ADD COLUMN listing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN listing INTEGER NOT NULL DEFAULT 0;

CREATE INDEX products_by_listing ON products (listing, id);
