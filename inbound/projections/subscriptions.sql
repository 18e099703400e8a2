-- One row for each subject that said stop or start.

-- name: create
CREATE TABLE subscriptions (
    subject_id    uuid        NOT NULL,
    may_be_texted boolean     NOT NULL,
    since         timestamptz NOT NULL,
    request_id    uuid        NOT NULL,
    version       integer     NOT NULL,
    CONSTRAINT subscriptions_pkey PRIMARY KEY (subject_id)
) WITH (fillfactor = 90)

-- name: analyze
ANALYZE subscriptions

-- name: create_incoming
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_subscriptions (
    subject_id    uuid        NOT NULL,
    may_be_texted boolean     NOT NULL,
    since         timestamptz NOT NULL,
    request_id    uuid        NOT NULL,
    version       integer     NOT NULL
) ON COMMIT DELETE ROWS

-- name: copy_incoming
COPY incoming_subscriptions (subject_id, may_be_texted, since, request_id, version) FROM STDIN

-- name: merge
INSERT INTO subscriptions AS stored (subject_id, may_be_texted, since, request_id, version)
SELECT subject_id, may_be_texted, since, request_id, version FROM incoming_subscriptions
ON CONFLICT (subject_id) DO UPDATE
SET may_be_texted = excluded.may_be_texted, since = excluded.since,
    request_id = excluded.request_id, version = excluded.version

-- name: count
SELECT count(*) FROM subscriptions

-- name: dump
COPY (
    SELECT subject_id, may_be_texted, since, request_id, version
    FROM subscriptions ORDER BY subject_id
) TO STDOUT

-- name: lock_live
-- Before the snapshot: no rebuild can swap the table while it is read.
LOCK TABLE projections.subscriptions IN ACCESS SHARE MODE

-- name: drop
DROP TABLE IF EXISTS subscriptions

-- name: drop_live
DROP TABLE IF EXISTS projections.subscriptions

-- name: move_to_live
ALTER TABLE subscriptions SET SCHEMA projections
