-- A cart is a document: its lines are read and written whole.
CREATE TABLE carts (
    user_id TEXT PRIMARY KEY,
    items TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

-- For the sweep of idle carts.
CREATE INDEX carts_by_age ON carts (updated_at);
