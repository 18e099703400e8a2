-- The event log: appending under the log lock, streams, states and chain heads.

-- name: begin
BEGIN

-- name: commit
COMMIT

-- name: lock_log
-- From here to commit no other transaction can append, so positions appear in commit order and
-- no reader can skip one that is not visible yet.
SELECT pg_advisory_xact_lock(hashtextextended('scserv log', 0))

-- name: log_end
-- A statement of its own after lock_log: its snapshot sees what the last holder committed.
-- The clock of the server may be set back; the time of the log never goes back.
SELECT coalesce(last.position, 0),
       greatest(clock_timestamp(), last.recorded_at),
       heads.positions,
       heads.digests
FROM log_heads AS heads
LEFT JOIN (
    SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1
) AS last ON true

-- name: append_events
-- Columns in the order of copy_format.py.
COPY events (
    position, recorded_at, chain, digest, stream_id, version, type, schema_version, data, metadata
)
FROM STDIN (FORMAT binary)

-- name: insert_events
-- As append_events, in one statement with move_heads; the positions follow the last one.
WITH moved AS (
    UPDATE log_heads SET positions = %(head_positions)s::bigint[], digests = %(heads)s::bytea[]
)
INSERT INTO events (
    position, recorded_at, chain, digest, stream_id, version, type, schema_version, data, metadata
)
SELECT %(last)s::bigint + ordinal, %(recorded_at)s::timestamptz, chain, digest, stream_id, version,
       type, schema_version, data::json, metadata::json
FROM unnest(
    %(chains)b::smallint[], %(digests)b::bytea[], %(stream_ids)b::uuid[], %(versions)b::integer[],
    %(types)b::text[], %(schema_versions)b::smallint[], %(data)b::text[], %(metadata)b::text[]
) WITH ORDINALITY AS new (
    chain, digest, stream_id, version, type, schema_version, data, metadata, ordinal
)

-- name: confirm_replicated
-- In a transaction that has written nothing, so that its COMMIT waits for a synchronous standby, as
-- others do. What it has read may be a commit that the standby lacks: cancelling a COMMIT that
-- waits, or restarting the primary, makes it visible.
SELECT pg_logical_emit_message(true, 'scserv', '')
WHERE current_setting('synchronous_standby_names') <> '' AND pg_current_xact_id_if_assigned() IS NULL

-- name: move_heads
-- Under the log lock, so no other transaction changes them.
UPDATE log_heads SET positions = %(positions)s::bigint[], digests = %(digests)s::bytea[]

-- name: last_position
-- Positions appear in commit order: everything up to this one is complete and final.
SELECT coalesce(max(position), 0) FROM events

-- name: read_events
-- Positions appear in commit order without gaps, so reading on from the last one seen
-- misses nothing.
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events WHERE position > %(after)s ORDER BY position LIMIT %(limit)s

-- name: read_unpublished_events
-- As read_events, from the cursor of the relays.
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events
WHERE position > coalesce(
    (SELECT position FROM outbox_cursors WHERE feed = 'events' AND shard = 0), 0)
ORDER BY position LIMIT %(limit)s

-- name: read_events_with_digests
-- As read_events, with chain and digest, which the relay does not need.
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at,
       chain, digest
FROM events WHERE position > %(after)s ORDER BY position LIMIT %(limit)s

-- name: read_heads
-- The heads of non-empty chains, in the order of their positions.
SELECT head.chain - 1, head.position, head.digest, events.recorded_at
FROM log_heads,
     unnest(positions, digests) WITH ORDINALITY AS head (position, digest, chain)
JOIN events USING (position)
ORDER BY position

-- name: load_streams
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events WHERE stream_id = ANY(%(subject_ids)b::uuid[]) ORDER BY stream_id, version

-- name: find_states
SELECT stream_id, version, state_version, state
FROM subject_states WHERE stream_id = ANY(%(subject_ids)b::uuid[])

-- name: merge_states
-- A row with another version than expected stays: the number of affected rows tells. A lost
-- row is written again.
MERGE INTO subject_states AS stored
USING (
    SELECT stream_id, expected, version, state_version, state
    FROM unnest(
        %(stream_ids)b::uuid[], %(expected)b::integer[], %(versions)b::integer[],
        %(state_versions)b::smallint[], %(states)b::text[]
    ) AS given (stream_id, expected, version, state_version, state)
    ORDER BY stream_id
) AS given ON stored.stream_id = given.stream_id
WHEN MATCHED AND stored.version = given.expected THEN
    UPDATE SET version = given.version,
               state_version = given.state_version,
               state = given.state::json
WHEN NOT MATCHED THEN
    INSERT (stream_id, version, state_version, state)
    VALUES (given.stream_id, given.version, given.state_version, given.state::json)
