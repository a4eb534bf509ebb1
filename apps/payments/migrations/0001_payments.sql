-- Amounts in minor units.
CREATE TABLE payments (
    payment_id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

-- Nobody pays twice: at most one payment of an order stands, however many try at once.
CREATE UNIQUE INDEX payments_standing ON payments (order_id)
    WHERE status IN ('PENDING', 'COMPLETED');

-- For the lists, newest first, whole or of one order or state.
CREATE INDEX payments_by_time ON payments (created_at, payment_id);
CREATE INDEX payments_by_order ON payments (order_id, created_at, payment_id);
CREATE INDEX payments_by_status ON payments (status, created_at, payment_id);
