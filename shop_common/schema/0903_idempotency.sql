-- Answers to POSTs that carried an Idempotency-Key; status is null while the try runs.
CREATE TABLE idempotency (
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    token TEXT NOT NULL,
    leased_until TEXT NOT NULL,
    status INTEGER,
    headers TEXT,
    body TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (route, key)
);

-- For pruning.
CREATE INDEX idempotency_by_age ON idempotency (created_at);
