-- What is taken out of the stock for an order. A RELEASED row without items refuses the order's id.
CREATE TABLE reservations (
    order_id TEXT PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('HELD', 'RELEASED')),
    -- JSON: [[product_id, quantity, price in minor units]]
    items TEXT NOT NULL,
    -- When orders said that it has a row of this id.
    settled_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE INDEX reservations_unsettled ON reservations (created_at, order_id)
    WHERE status = 'HELD' AND settled_at IS NULL;
