CREATE TABLE subscriptions (
    subject_id    uuid        NOT NULL,
    may_be_texted boolean     NOT NULL,
    since         timestamptz NOT NULL,
    request_id    uuid        NOT NULL,
    version       integer     NOT NULL,
    CONSTRAINT subscriptions_pkey PRIMARY KEY (subject_id)
) WITH (fillfactor = 90)
