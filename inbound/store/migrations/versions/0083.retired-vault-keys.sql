-- Fingerprints of vault keys that were rotated away: nothing is sealed with them any more.
CREATE TABLE retired_vault_keys (
    fingerprint bytea       PRIMARY KEY,
    retired_at  timestamptz NOT NULL
);
