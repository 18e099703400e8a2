-- How far each projection is, who works on it, and where its tables are.

-- name: use_schema
-- Until the end of the transaction: table names without a schema mean those of this schema, and
-- the commit does not wait for the disk. A crash loses rows and progress together or not at
-- all, and lost ones are read from the log again.
SELECT set_config('search_path', %(schema)s, true),
       set_config('synchronous_commit', 'off', true)

-- name: progress
SELECT name, version, position FROM projections.progress WHERE schema_name = %(schema)s

-- name: advance
-- Fewer rows than names: another process has advanced one of them, or has swapped in a table of
-- another version.
UPDATE projections.progress AS stored SET position = %(until)s
FROM unnest(%(names)s::text[], %(versions)s::integer[]) AS given (name, version)
WHERE stored.name = given.name AND stored.version = given.version
  AND stored.schema_name = %(schema)s AND stored.position = %(after)s

-- name: lags
-- How far each live projection lags: events, and the age of the oldest missing one.
SELECT progress.name, progress.version, progress.position,
       greatest(%(last_position)s - progress.position, 0),
       coalesce(extract(epoch FROM clock_timestamp() - missing.recorded_at), 0)::float8
FROM projections.progress
LEFT JOIN events AS missing ON missing.position = progress.position + 1
WHERE progress.schema_name = 'projections'

-- name: oldest_missing
-- When the oldest event was recorded that a live projection does not show yet.
SELECT missing.recorded_at
FROM projections.progress
JOIN events AS missing ON missing.position = progress.position + 1
WHERE progress.schema_name = 'projections' AND progress.name = %(name)s

-- name: try_lock
-- A session lock: it ends with the connection, however the process ends.
SELECT pg_try_advisory_lock(hashtext('scserv ' || %(work)s::text), hashtext(%(name)s))

-- name: unlock
SELECT pg_advisory_unlock(hashtext('scserv ' || %(work)s::text), hashtext(%(name)s))

-- name: locked_work
-- Which locks of try_lock are held, by any process.
SELECT work, name
FROM unnest(%(names)s::text[]) AS name
CROSS JOIN unnest(ARRAY['projector', 'rebuild']) AS work
JOIN pg_locks ON locktype = 'advisory' AND granted AND objsubid = 2
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid = (hashtext('scserv ' || work)::bigint & 4294967295)::oid
  AND objid = (hashtext(name)::bigint & 4294967295)::oid

-- name: begin_shadow
INSERT INTO projections.progress (name, schema_name, version, position)
VALUES (%(name)s, 'projections_shadow', %(version)s, 0)
ON CONFLICT (name, schema_name) DO UPDATE SET version = excluded.version, position = 0

-- name: lock_progress
-- Locks the rows until commit: everything that changes progress takes them first.
SELECT schema_name, version, position FROM projections.progress WHERE name = %(name)s FOR UPDATE

-- name: limit_lock_wait
-- Readers queue behind a lock request that waits, so it must not wait for long. Unlike others,
-- this commit waits for the disk.
SELECT set_config('lock_timeout', %(timeout)s, true),
       set_config('synchronous_commit', 'on', true)

-- name: promote
-- The progress of the rebuilt table replaces that of the live one.
WITH shadow AS (
    DELETE FROM projections.progress
    WHERE name = %(name)s AND schema_name = 'projections_shadow' RETURNING version, position
)
INSERT INTO projections.progress (name, schema_name, version, position)
SELECT %(name)s, 'projections', version, position FROM shadow
ON CONFLICT (name, schema_name) DO UPDATE
SET version = excluded.version, position = excluded.position

-- name: read_events
-- As text: ids and times only pass through into rows.
SELECT position, stream_id::text, version, type, schema_version, data::text, metadata::text,
       recorded_at::text
FROM events WHERE position > %(after)s AND position <= %(until)s ORDER BY position LIMIT %(limit)s
