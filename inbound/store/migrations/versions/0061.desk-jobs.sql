-- Long work of the desk, a row a job, so that each process of the desk shows how far it is, and
-- that its own process has died.
CREATE TABLE desk_jobs (
    job_id      uuid        PRIMARY KEY,
    kind        text        NOT NULL,
    owner       uuid        NOT NULL,
    process     uuid        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    done        bigint      NOT NULL DEFAULT 0,
    total       bigint      NOT NULL DEFAULT 0,
    -- When its process was last heard of.
    beat_at     timestamptz NOT NULL DEFAULT now(),
    form_sealed bytea       NOT NULL,
    result      json
);

CREATE INDEX desk_jobs_beat ON desk_jobs (beat_at);
