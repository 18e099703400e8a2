-- How far each projection is, who works on it, and where its tables are.

-- name: use_place
-- Until the end of the transaction: tables without a schema are those of this place, and a
-- commit does not wait for the disk. Rows and place are lost together or not at all, and
-- what is lost is read from the log again.
SELECT set_config('search_path', %(place)s, true),
       set_config('synchronous_commit', 'off', true)

-- name: progress
SELECT name, version, position FROM projections.progress WHERE place = %(place)s

-- name: advance
-- Fewer rows than names: somebody else has moved one of them, or has put a table of another
-- version in its place.
UPDATE projections.progress AS stored SET position = %(until)s
FROM unnest(%(names)s::text[], %(versions)s::integer[]) AS given (name, version)
WHERE stored.name = given.name AND stored.version = given.version
  AND stored.place = %(place)s AND stored.position = %(after)s

-- name: lags
-- How far each live projection is behind: events, and the age of the first that is missing.
SELECT progress.name, progress.version, progress.position,
       greatest(%(last_position)s - progress.position, 0),
       coalesce(extract(epoch FROM clock_timestamp() - missing.recorded_at), 0)::float8
FROM projections.progress
LEFT JOIN events AS missing ON missing.position = progress.position + 1
WHERE progress.place = 'projections'

-- name: try_lock
-- Held by the session: it goes with the connection, however the process ends.
SELECT pg_try_advisory_lock(hashtext('scserv ' || %(work)s::text), hashtext(%(name)s))

-- name: unlock
SELECT pg_advisory_unlock(hashtext('scserv ' || %(work)s::text), hashtext(%(name)s))

-- name: working
-- Which works on which projections somebody holds (try_lock), here or elsewhere.
SELECT work, name
FROM unnest(%(names)s::text[]) AS name
CROSS JOIN unnest(ARRAY['projector', 'rebuild']) AS work
JOIN pg_locks ON locktype = 'advisory' AND granted AND objsubid = 2
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid = (hashtext('scserv ' || work)::bigint & 4294967295)::oid
  AND objid = (hashtext(name)::bigint & 4294967295)::oid

-- name: begin_shadow
INSERT INTO projections.progress (name, place, version, position)
VALUES (%(name)s, 'projections_shadow', %(version)s, 0)
ON CONFLICT (name, place) DO UPDATE SET version = excluded.version, position = 0

-- name: lock_progress
-- Whoever moves a place holds its row to commit.
SELECT place, version, position FROM projections.progress WHERE name = %(name)s FOR UPDATE

-- name: give_up_waiting
-- Whoever wants to read queues behind a lock that is waited for: so not for long. And this
-- commit does wait for the disk.
SELECT set_config('lock_timeout', %(timeout)s, true),
       set_config('synchronous_commit', 'on', true)

-- name: promote
-- The place of the rebuilt table becomes that of the live one.
WITH shadow AS (
    DELETE FROM projections.progress
    WHERE name = %(name)s AND place = 'projections_shadow' RETURNING version, position
)
INSERT INTO projections.progress (name, place, version, position)
SELECT %(name)s, 'projections', version, position FROM shadow
ON CONFLICT (name, place) DO UPDATE SET version = excluded.version, position = excluded.position

-- name: read_events
-- Text throughout: ids and times only pass through on their way into rows.
SELECT position, stream_id::text, version, type, schema_version, data::text, metadata::text,
       recorded_at::text
FROM events WHERE position > %(after)s AND position <= %(until)s ORDER BY position LIMIT %(limit)s
