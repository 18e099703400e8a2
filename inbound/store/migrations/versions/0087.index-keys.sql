-- The key of all keyed hashes, sealed with each subject key that opens it; NULL once that was retired.
CREATE TABLE index_keys (
    subject_fingerprint bytea       PRIMARY KEY,
    sealed              bytea,
    added_at            timestamptz NOT NULL DEFAULT now(),
    retired_at          timestamptz,
    CHECK ((sealed IS NULL) = (retired_at IS NOT NULL))
);
