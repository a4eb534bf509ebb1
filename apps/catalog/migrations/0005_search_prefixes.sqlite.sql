-- The beginnings of words have lists of their own, so that a page of a search is read from one place
-- however many products match. Up to eight letters, which costs a tenth of the size without them.
DROP TABLE products_fts;

CREATE VIRTUAL TABLE products_fts USING fts5 (
    search_text,
    content = 'products',
    content_rowid = 'id',
    tokenize = 'ascii',
    prefix = '2 3 4 5 6 7 8',
    detail = 'none',
    columnsize = 0
);

INSERT INTO products_fts (products_fts) VALUES ('rebuild');
