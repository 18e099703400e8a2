-- The processes that run, with fingerprints of their vault keys, as each reports them every minute.
CREATE TABLE process_keys (
    process           text        PRIMARY KEY,
    fingerprint       bytea       NOT NULL,
    other_fingerprint bytea,
    seen_at           timestamptz NOT NULL
);
