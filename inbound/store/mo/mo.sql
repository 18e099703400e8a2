-- MOs on their way to a request: inbox, parts of concatenated messages, rejected MOs, locks by name.

-- name: seen_messages
SELECT mo_id FROM inbox WHERE mo_id = ANY(%(mo_ids)b::uuid[])

-- name: insert_inbox
INSERT INTO inbox (mo_id, received_at)
SELECT mo_id, received_at
FROM unnest(%(mo_ids)b::uuid[], %(received)b::timestamptz[]) AS new (mo_id, received_at)
ORDER BY mo_id

-- name: lock_parts
-- Two workers with parts of one message must see each other's part.
SELECT pg_advisory_xact_lock(hashtextextended(
    concat_ws('/', 'scserv parts', encode(%(number_hash)s::bytea, 'hex'), %(centre)s::text,
              %(destination)s::text, %(reference)s::integer, %(total)s::integer), 0))

-- name: add_part
-- A repeated part replaces the waiting one, and so does a part of another text.
INSERT INTO mo_parts
    (centre, number_hash, destination, reference, total, sequence, sealed, data, received_at)
VALUES
    (%(centre)s, %(number_hash)s, %(destination)s, %(reference)s, %(total)s, %(sequence)s,
     %(sealed)s, %(data)s::json, %(received_at)s)
ON CONFLICT (number_hash, destination, centre, reference, total, sequence, whole) DO UPDATE
SET sealed = excluded.sealed, data = excluded.data, received_at = excluded.received_at,
    stored_at = excluded.stored_at

-- name: find_parts
SELECT sequence, sealed, data, received_at
FROM mo_parts
WHERE number_hash = %(number_hash)s AND destination = %(destination)s AND centre = %(centre)s
  AND reference = %(reference)s AND total = %(total)s AND whole = %(whole)s
ORDER BY sequence

-- name: complete_parts
UPDATE mo_parts SET whole = true
WHERE number_hash = %(number_hash)s AND destination = %(destination)s AND centre = %(centre)s
  AND reference = %(reference)s AND total = %(total)s AND NOT whole

-- name: delete_parts
DELETE FROM mo_parts
WHERE number_hash = %(number_hash)s AND destination = %(destination)s AND centre = %(centre)s
  AND reference = %(reference)s AND total = %(total)s AND whole = %(whole)s
  AND sequence = ANY(%(sequences)b::integer[])

-- name: add_rejected_mos
-- One row per number, kind and minute. New rows per hour of arrival are limited over all numbers;
-- the rest is counted in one row per minute without a number. Sorted, so that two batches with
-- the same rows don't deadlock.
WITH given AS (
    SELECT number_hash, minute, kind, first_at, last_at, count, nullif(reading, '')::json AS reading,
           row_number() OVER (ORDER BY minute, number_hash, kind) AS ordinal
    FROM unnest(
        %(hashes)b::bytea[], %(minutes)b::timestamptz[], %(kinds)b::text[],
        %(first)b::timestamptz[], %(last)b::timestamptz[], %(counts)b::bigint[],
        %(readings)b::text[]
    ) AS given (number_hash, minute, kind, first_at, last_at, count, reading)
), room AS (
    SELECT %(per_hour)s::bigint - count(*) AS rows FROM (
        SELECT FROM rejected_mos
        WHERE minute > (SELECT min(minute) FROM given) - interval '1 hour'
        LIMIT %(per_hour)s::bigint
    ) AS taken
), left_out AS (
    SELECT ''::bytea AS number_hash, minute, 'left_out' AS kind, min(first_at) AS first_at,
           max(last_at) AS last_at, sum(count)::bigint AS count
    FROM given, room WHERE ordinal > room.rows GROUP BY minute
)
INSERT INTO rejected_mos AS stored (number_hash, minute, kind, first_at, last_at, count, reading)
SELECT number_hash, minute, kind, first_at, last_at, count, reading
FROM given, room WHERE ordinal <= room.rows
UNION ALL
SELECT number_hash, minute, kind, first_at, last_at, count, NULL FROM left_out
ORDER BY number_hash, minute, kind
ON CONFLICT (number_hash, minute, kind) DO UPDATE
SET first_at = least(stored.first_at, excluded.first_at),
    last_at = greatest(stored.last_at, excluded.last_at),
    count = stored.count + excluded.count,
    reading = coalesce(excluded.reading, stored.reading)

-- name: lock_names
-- Sorted, so that two batches with several names in common don't deadlock.
SELECT pg_advisory_xact_lock(hashtextextended('scserv name ' || name, 0))
FROM (SELECT name FROM unnest(%(names)b::text[]) AS name ORDER BY name) AS sorted
