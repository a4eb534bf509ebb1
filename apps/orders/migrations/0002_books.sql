-- What an order has been through, and what it was told about its money.
ALTER TABLE orders ADD COLUMN from_cart INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN reason TEXT;
-- How often the catalogue failed when an unverified order was to be checked: those go to the end.
ALTER TABLE orders ADD COLUMN check_failures INTEGER NOT NULL DEFAULT 0;

CREATE INDEX orders_unverified ON orders (check_failures, created_at, order_id)
    WHERE unverified = 1;

-- Append-only: who moved an order, when, from what to what, and why.
CREATE TABLE order_history (
    id INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (order_id),
    from_status TEXT,
    to_status TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE INDEX order_history_by_order ON order_history (order_id, id);

-- The first answer to each payment that was reported, which is its answer for ever.
CREATE TABLE order_payments (
    payment_id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (order_id),
    amount BIGINT NOT NULL,
    refusal TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

-- Every refund that was reported.
CREATE TABLE order_refunds (
    refund_id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (order_id),
    payment_id TEXT NOT NULL,
    amount BIGINT NOT NULL,
    refunded_amount BIGINT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE INDEX order_refunds_by_order ON order_refunds (order_id, created_at);
