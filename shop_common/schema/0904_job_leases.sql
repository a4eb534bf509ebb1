-- Jobs that only one worker of an app may run at a time.
CREATE TABLE job_leases (
    name TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    leased_until TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
