-- The key that the client sent and what it sent under it.
ALTER TABLE payments ADD COLUMN idempotency_key TEXT;
ALTER TABLE payments ADD COLUMN fingerprint TEXT;

-- What the provider declined it with or, once COMPLETED, orders refused it with.
ALTER TABLE payments ADD COLUMN refusal TEXT;

-- Why all of it goes back; null: it does not.
ALTER TABLE payments ADD COLUMN owed_reason TEXT;

-- When the sweeper takes it up; null: never. No payment hangs without one.
ALTER TABLE payments ADD COLUMN sweep_at TEXT CHECK (
    status IN ('PENDING', 'COMPLETED', 'FAILED') AND (status <> 'PENDING' OR sweep_at IS NOT NULL)
);

-- What refunds that are REQUESTED or SUCCEEDED take: never more than was paid, nothing of a
-- payment that took no money, and of one that is owed either all or the sweeper sees to it.
ALTER TABLE payments ADD COLUMN refunded_minor BIGINT NOT NULL DEFAULT 0 CHECK (
    refunded_minor BETWEEN 0 AND amount
    AND (refunded_minor = 0 OR status = 'COMPLETED' OR owed_reason IS NOT NULL)
    AND (owed_reason IS NULL OR refunded_minor = amount OR sweep_at IS NOT NULL)
);
ALTER TABLE payments ADD COLUMN succeeded_minor BIGINT NOT NULL DEFAULT 0 CHECK (
    succeeded_minor BETWEEN 0 AND refunded_minor
);

-- A key is for one payment; one that FAILED frees it.
CREATE UNIQUE INDEX payments_keys ON payments (idempotency_key) WHERE status <> 'FAILED';
CREATE INDEX payments_to_sweep ON payments (sweep_at) WHERE sweep_at IS NOT NULL;

CREATE TABLE refunds (
    refund_id TEXT PRIMARY KEY,
    payment_id TEXT NOT NULL REFERENCES payments (payment_id),
    amount BIGINT NOT NULL CHECK (amount >= 0),
    status TEXT NOT NULL CHECK (status IN ('REQUESTED', 'SUCCEEDED', 'FAILED')),
    reason TEXT,
    refusal TEXT,
    idempotency_key TEXT,
    fingerprint TEXT,
    sweep_at TEXT CHECK (status <> 'REQUESTED' OR sweep_at IS NOT NULL),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE UNIQUE INDEX refunds_keys ON refunds (idempotency_key) WHERE status <> 'FAILED';
CREATE INDEX refunds_by_payment ON refunds (payment_id, created_at, refund_id);
CREATE INDEX refunds_to_sweep ON refunds (sweep_at) WHERE sweep_at IS NOT NULL;

-- The books of the simulated provider, which are another company's.
CREATE TABLE simulated_charges (
    payment_id TEXT PRIMARY KEY,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE simulated_refunds (
    refund_id TEXT PRIMARY KEY,
    payment_id TEXT NOT NULL,
    amount BIGINT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
INSERT INTO simulated_charges (payment_id, amount, currency, status, reason, created_at, updated_at)
    SELECT payment_id, amount, 'USD', 'SUCCEEDED', '', created_at, created_at FROM payments;
