-- Views of the log, built from events alone; each may be thrown away and built again.
--
-- Two schemas hold tables of the same names: the live ones, which readers know, and those
-- of a rebuild beside them. A rebuilt table is moved from the one to the other with its
-- indexes, so that the same statements serve both. inbound/projections makes the tables
-- of a rebuild; those below are the same for version 1 of each, so that a reader always
-- finds a table.
CREATE SCHEMA projections;
CREATE SCHEMA projections_shadow;

-- How far each has got: every event up to and including position is in its rows. Written
-- in the transaction that writes the rows.
CREATE TABLE projections.progress (
    name     text    NOT NULL,
    place    text    NOT NULL CHECK (place IN ('projections', 'projections_shadow')),
    version  integer NOT NULL,
    position bigint  NOT NULL,
    PRIMARY KEY (name, place)
) WITH (fillfactor = 10);

INSERT INTO projections.progress (name, place, version, position) VALUES
    ('requests', 'projections', 1, 0),
    ('subscriptions', 'projections', 1, 0),
    ('daily_counts', 'projections', 1, 0);

-- What every index names is known when a request is accepted and stays, and there is room
-- on the page: later updates are HOT. trace_id is 16 bytes, as uuid is.
CREATE TABLE projections.requests (
    request_id              uuid        NOT NULL,
    subject_id              uuid        NOT NULL,
    command                 text        NOT NULL,
    plan                    text        NOT NULL,
    confirm                 boolean     NOT NULL,
    state                   text        NOT NULL,
    arrived_at              timestamptz NOT NULL,
    accepted_at             timestamptz NOT NULL,
    acknowledged_at         timestamptz,
    completed_at            timestamptz,
    late                    boolean     NOT NULL,
    centre                  text        NOT NULL,
    bind                    text        NOT NULL,
    trace_id                uuid,
    acknowledgement_id      uuid        NOT NULL,
    acknowledgement_outcome text,
    acknowledgement_attempt smallint,
    acknowledgement_fate    text,
    fulfilment_id           uuid,
    fulfilment_outcome      text,
    fulfilment_attempt      smallint,
    fulfilment_fate         text,
    CONSTRAINT requests_pkey PRIMARY KEY (request_id)
) WITH (fillfactor = 75);

CREATE INDEX requests_by_subject ON projections.requests (subject_id, arrived_at, request_id);
CREATE INDEX requests_by_time ON projections.requests (arrived_at, request_id);
CREATE INDEX requests_by_trace ON projections.requests (trace_id);
CREATE INDEX requests_by_acknowledgement ON projections.requests (acknowledgement_id);
CREATE INDEX requests_by_fulfilment ON projections.requests (fulfilment_id);

CREATE TABLE projections.subscriptions (
    subject_id    uuid        NOT NULL,
    may_be_texted boolean     NOT NULL,
    since         timestamptz NOT NULL,
    request_id    uuid        NOT NULL,
    version       integer     NOT NULL,
    CONSTRAINT subscriptions_pkey PRIMARY KEY (subject_id)
) WITH (fillfactor = 90);

CREATE TABLE projections.daily_counts (
    day     date   NOT NULL,
    type    text   NOT NULL,
    command text   NOT NULL,
    purpose text   NOT NULL,
    outcome text   NOT NULL,
    count   bigint NOT NULL,
    CONSTRAINT daily_counts_pkey PRIMARY KEY (day, type, command, purpose, outcome)
) WITH (fillfactor = 50);
