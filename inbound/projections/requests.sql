-- One row for each accepted command.

-- name: create
-- Values of indexed columns never change, and pages have room: updates are HOT. A trace id has
-- 16 bytes, as a uuid has.
CREATE TABLE requests (
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
) WITH (fillfactor = 75)

-- name: by_subject
CREATE INDEX IF NOT EXISTS requests_by_subject ON requests (subject_id, arrived_at, request_id)

-- name: by_time
CREATE INDEX IF NOT EXISTS requests_by_time ON requests (arrived_at, request_id)

-- name: by_trace
CREATE INDEX IF NOT EXISTS requests_by_trace ON requests (trace_id)

-- name: by_acknowledgement
CREATE INDEX IF NOT EXISTS requests_by_acknowledgement ON requests (acknowledgement_id)

-- name: by_fulfilment
CREATE INDEX IF NOT EXISTS requests_by_fulfilment ON requests (fulfilment_id)

-- name: analyze
ANALYZE requests

-- name: create_incoming
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_requests (
    request_id              uuid NOT NULL,
    completion              text,
    acknowledged_at         timestamptz,
    completed_at            timestamptz,
    late                    boolean,
    acknowledgement_id      uuid,
    acknowledgement_outcome text,
    acknowledgement_attempt smallint,
    acknowledgement_fate    text,
    fulfilment_id           uuid,
    fulfilment_outcome      text,
    fulfilment_attempt      smallint,
    fulfilment_fate         text
) ON COMMIT DELETE ROWS

-- name: copy
COPY requests (
    request_id, subject_id, command, plan, confirm, state, arrived_at, accepted_at,
    acknowledged_at, completed_at, late, centre, bind, trace_id, acknowledgement_id,
    acknowledgement_outcome, acknowledgement_attempt, acknowledgement_fate, fulfilment_id,
    fulfilment_outcome, fulfilment_attempt, fulfilment_fate
) FROM STDIN

-- name: copy_incoming
COPY incoming_requests (
    request_id, completion, acknowledged_at, completed_at, late, acknowledgement_id,
    acknowledgement_outcome, acknowledgement_attempt, acknowledgement_fate, fulfilment_id,
    fulfilment_outcome, fulfilment_attempt, fulfilment_fate
) FROM STDIN

-- name: merge
-- An outcome is open while it is null or `resent`; the first other outcome is final. The final
-- state of the request is kept too.
UPDATE requests AS stored
SET state = CASE
        WHEN stored.completed_at IS NOT NULL THEN stored.state
        WHEN given.completion IS NOT NULL THEN given.completion
        WHEN given.acknowledgement_outcome = 'submitted'
            AND coalesce(stored.acknowledgement_outcome, 'resent') = 'resent' THEN 'acknowledged'
        ELSE stored.state
    END,
    acknowledged_at = CASE coalesce(stored.acknowledgement_outcome, 'resent')
        WHEN 'resent' THEN given.acknowledged_at ELSE stored.acknowledged_at END,
    completed_at = coalesce(stored.completed_at, given.completed_at),
    late = coalesce(given.late, stored.late),
    acknowledgement_id = CASE coalesce(stored.acknowledgement_outcome, 'resent')
        WHEN 'resent' THEN coalesce(given.acknowledgement_id, stored.acknowledgement_id)
        ELSE stored.acknowledgement_id END,
    acknowledgement_outcome = CASE coalesce(stored.acknowledgement_outcome, 'resent')
        WHEN 'resent' THEN coalesce(given.acknowledgement_outcome, stored.acknowledgement_outcome)
        ELSE stored.acknowledgement_outcome END,
    acknowledgement_attempt = CASE coalesce(stored.acknowledgement_outcome, 'resent')
        WHEN 'resent' THEN coalesce(given.acknowledgement_attempt, stored.acknowledgement_attempt)
        ELSE stored.acknowledgement_attempt END,
    acknowledgement_fate = coalesce(given.acknowledgement_fate, stored.acknowledgement_fate),
    fulfilment_id = CASE coalesce(stored.fulfilment_outcome, 'resent')
        WHEN 'resent' THEN coalesce(given.fulfilment_id, stored.fulfilment_id)
        ELSE stored.fulfilment_id END,
    fulfilment_outcome = CASE coalesce(stored.fulfilment_outcome, 'resent')
        WHEN 'resent' THEN coalesce(given.fulfilment_outcome, stored.fulfilment_outcome)
        ELSE stored.fulfilment_outcome END,
    fulfilment_attempt = CASE coalesce(stored.fulfilment_outcome, 'resent')
        WHEN 'resent' THEN coalesce(given.fulfilment_attempt, stored.fulfilment_attempt)
        ELSE stored.fulfilment_attempt END,
    fulfilment_fate = coalesce(given.fulfilment_fate, stored.fulfilment_fate)
FROM incoming_requests AS given
WHERE stored.request_id = given.request_id

-- name: count
SELECT count(*) FROM requests

-- name: dump
COPY (
    SELECT request_id, subject_id, command, plan, confirm, state, arrived_at, accepted_at,
           acknowledged_at, completed_at, late, centre, bind, trace_id, acknowledgement_id,
           acknowledgement_outcome, acknowledgement_attempt, acknowledgement_fate, fulfilment_id,
           fulfilment_outcome, fulfilment_attempt, fulfilment_fate
    FROM requests ORDER BY request_id
) TO STDOUT

-- name: lock_live
-- Before the snapshot: no rebuild can swap the table while it is read.
LOCK TABLE projections.requests IN ACCESS SHARE MODE

-- name: drop
DROP TABLE IF EXISTS requests

-- name: drop_live
DROP TABLE IF EXISTS projections.requests

-- name: move_to_live
ALTER TABLE requests SET SCHEMA projections
