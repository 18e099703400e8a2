CREATE TEMPORARY TABLE IF NOT EXISTS incoming_subscriptions (
    subject_id    uuid        NOT NULL,
    may_be_texted boolean     NOT NULL,
    since         timestamptz NOT NULL,
    request_id    uuid        NOT NULL,
    version       integer     NOT NULL
) ON COMMIT DELETE ROWS
