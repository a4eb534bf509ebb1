-- Messages to other apps. A row is open until closed_at; parked_at says that it was given up.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    aggregate TEXT NOT NULL,
    partner TEXT NOT NULL,
    path TEXT NOT NULL,
    body TEXT NOT NULL,
    request_id TEXT NOT NULL,
    lease TEXT,
    due_at TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    refusals INTEGER NOT NULL,
    last_error TEXT,
    parked_at TEXT,
    closed_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE INDEX outbox_open ON outbox (id) WHERE closed_at IS NULL;

-- For the rule that only the oldest open row of an aggregate is sent.
CREATE INDEX outbox_open_aggregates ON outbox (aggregate, id) WHERE closed_at IS NULL;

-- For pruning.
CREATE INDEX outbox_closed ON outbox (closed_at) WHERE closed_at IS NOT NULL;
