-- An order is a document: its lines are written once and read whole. Amounts in minor units.
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    items TEXT NOT NULL,
    status TEXT NOT NULL,
    total_amount BIGINT NOT NULL CHECK (total_amount >= 0),
    unverified INTEGER NOT NULL,
    payment_id TEXT UNIQUE,
    paid_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    CHECK ((payment_id IS NULL) = (paid_at IS NULL)),
    CHECK (status <> 'PAID' OR payment_id IS NOT NULL)
);

-- For the lists, newest first, whole or of one user or state.
CREATE INDEX orders_by_time ON orders (created_at, order_id);
CREATE INDEX orders_by_user ON orders (user_id, created_at, order_id);
CREATE INDEX orders_by_status ON orders (status, created_at, order_id);
