-- The words are made by the program, so that both engines find the same: here they are only split.
CREATE VIRTUAL TABLE products_fts USING fts5 (
    search_text,
    content = 'products',
    content_rowid = 'id',
    tokenize = 'ascii',
    prefix = '2 3',
    detail = 'none',
    columnsize = 0
);

CREATE TRIGGER products_fts_insert AFTER INSERT ON products BEGIN
    INSERT INTO products_fts (rowid, search_text) VALUES (new.id, new.search_text);
END;

CREATE TRIGGER products_fts_update AFTER UPDATE OF search_text ON products BEGIN
    INSERT INTO products_fts (products_fts, rowid, search_text)
    VALUES ('delete', old.id, old.search_text);
    INSERT INTO products_fts (rowid, search_text) VALUES (new.id, new.search_text);
END;

CREATE TRIGGER products_fts_delete AFTER DELETE ON products BEGIN
    INSERT INTO products_fts (products_fts, rowid, search_text)
    VALUES ('delete', old.id, old.search_text);
END;
