-- A broadcast that is created again with the same idempotency key is the same broadcast. Its id is
-- made from account and key, so the key needs no column; the digest (keyed) of what was asked says
-- whether a request with that key is the same one. Without a key it is null.
ALTER TABLE broadcasts ADD COLUMN content_digest bytea;

-- What was done to a broadcast with an idempotency key, of which the keyed digest is stored.
CREATE TABLE broadcast_action_keys (
    broadcast_id uuid        NOT NULL,
    key_digest   bytea       NOT NULL,
    action       text        NOT NULL,
    starts_at    timestamptz,
    done_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (broadcast_id, key_digest)
);

CREATE INDEX broadcast_action_keys_done ON broadcast_action_keys (done_at);
