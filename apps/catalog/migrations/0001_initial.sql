-- Prices are minor units. Products are never deleted: orders and movements go on naming them.
CREATE TABLE products (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    stock INTEGER NOT NULL CHECK (stock >= 0),
    sku TEXT NOT NULL,
    description TEXT NOT NULL,
    category TEXT NOT NULL,
    image_url TEXT NOT NULL,
    -- What files call it: the handle, the options as JSON pairs, and the key made of both.
    handle TEXT NOT NULL,
    options TEXT NOT NULL,
    source_key TEXT NOT NULL UNIQUE,
    -- The distinct words of name, description and sku, folded, with a space between.
    search_text TEXT NOT NULL,
    -- Counts changes of what a PATCH can change; the stock moves without it.
    version INTEGER NOT NULL,
    archived_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE INDEX products_by_category ON products (category, id) WHERE archived_at IS NULL;
CREATE INDEX products_by_sku ON products (sku) WHERE sku <> '';
CREATE INDEX products_by_handle ON products (handle, id);

-- The deltas of a product add up to its stock.
CREATE TABLE stock_movements (
    id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES products (id),
    delta INTEGER NOT NULL,
    stock_after INTEGER NOT NULL,
    reason TEXT NOT NULL,
    order_id TEXT,
    created_at TEXT NOT NULL
);

CREATE INDEX stock_movements_by_product ON stock_movements (product_id, id);

-- One row, made when the first products are put in or left out, once for ever. Imports lock it.
CREATE TABLE catalog_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seeded_at TEXT NOT NULL
);
