-- Lines that left a cart under an order's id. A RESTORED one has nothing left to give, and refuses
-- a take that comes late; settled: orders has a row for the id, or the lines went back.
CREATE TABLE checkouts (
    order_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('TAKEN', 'RESTORED')),
    items TEXT NOT NULL,
    settled_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    CHECK (status <> 'RESTORED' OR settled_at IS NOT NULL)
);

-- For the list of what orders has not confirmed, oldest first, and for the removal of the old.
CREATE INDEX checkouts_unsettled ON checkouts (created_at, order_id) WHERE settled_at IS NULL;
CREATE INDEX checkouts_settled ON checkouts (settled_at) WHERE settled_at IS NOT NULL;
