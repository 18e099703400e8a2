-- MOs on their way to a request: inbox, parts of concatenated messages, rejected MOs, locks by name.

-- name: seen_messages
SELECT mo_id FROM inbox WHERE mo_id = ANY(%(mo_ids)b::uuid[])

-- name: insert_inbox
INSERT INTO inbox (mo_id, received_at)
SELECT mo_id, received_at
FROM unnest(%(mo_ids)b::uuid[], %(received)b::timestamptz[]) AS new (mo_id, received_at)
ORDER BY mo_id

-- name: waiting_parts
-- Which parts of these texts wait: without payloads, which may be many.
SELECT part.number_hash, part.destination, part.centre, part.reference, part.total, part.sequence
FROM unnest(
    %(hashes)b::bytea[], %(destinations)b::text[], %(centres)b::text[], %(references)b::integer[],
    %(totals)b::integer[]
) AS given (number_hash, destination, centre, reference, total)
JOIN mo_parts AS part USING (number_hash, destination, centre, reference, total)
WHERE NOT part.whole

-- name: parts_of_text
SELECT sequence, sealed, data, received_at, whole
FROM mo_parts
WHERE number_hash = %(number_hash)s AND destination = %(destination)s AND centre = %(centre)s
  AND reference = %(reference)s AND total = %(total)s
ORDER BY sequence

-- name: delete_parts
-- A sequence of 0 stands for all.
DELETE FROM mo_parts AS part
USING unnest(
    %(hashes)b::bytea[], %(destinations)b::text[], %(centres)b::text[], %(references)b::integer[],
    %(totals)b::integer[], %(sequences)b::integer[], %(whole)b::boolean[]
) AS given (number_hash, destination, centre, reference, total, sequence, whole)
WHERE part.number_hash = given.number_hash AND part.destination = given.destination
  AND part.centre = given.centre AND part.reference = given.reference
  AND part.total = given.total AND part.whole = given.whole
  AND given.sequence IN (0, part.sequence)

-- name: insert_parts
INSERT INTO mo_parts
    (number_hash, destination, centre, reference, total, sequence, whole, sealed, data, received_at)
SELECT number_hash, destination, centre, reference, total, sequence, whole, sealed, data::json,
       received_at
FROM unnest(
    %(hashes)b::bytea[], %(destinations)b::text[], %(centres)b::text[], %(references)b::integer[],
    %(totals)b::integer[], %(sequences)b::integer[], %(whole)b::boolean[], %(sealed)b::bytea[],
    %(data)b::text[], %(received)b::timestamptz[]
) AS new (number_hash, destination, centre, reference, total, sequence, whole, sealed, data,
          received_at)

-- name: drop_parts_of_senders
-- Of each of these senders the newest texts are kept, as far as the quota goes.
WITH texts AS (
    SELECT number_hash, destination, centre, reference, total, whole,
           max(stored_at) AS stored_at, max(received_at) AS received_at,
           count(*) AS parts, sum(size) AS bytes
    FROM mo_parts WHERE number_hash = ANY(%(hashes)b::bytea[])
    GROUP BY number_hash, destination, centre, reference, total, whole
), ranked AS (
    SELECT *, sum(parts) OVER newest AS parts_so_far, sum(bytes) OVER newest AS bytes_so_far
    FROM texts
    WINDOW newest AS (
        PARTITION BY number_hash
        ORDER BY stored_at DESC, received_at DESC, reference, total, whole ROWS UNBOUNDED PRECEDING
    )
), gone AS (
    DELETE FROM mo_parts AS part USING ranked AS text
    WHERE (text.parts_so_far > %(rows)s OR text.bytes_so_far > %(bytes)s)
      AND part.number_hash = text.number_hash AND part.destination = text.destination
      AND part.centre = text.centre AND part.reference = text.reference
      AND part.total = text.total AND part.whole = text.whole
    RETURNING part.number_hash, part.destination, part.centre, part.reference, part.total,
              part.whole, part.received_at
)
SELECT number_hash, 'sender', count(*),
       count(DISTINCT (destination, centre, reference, total)) FILTER (WHERE NOT whole),
       min(received_at), max(received_at)
FROM gone GROUP BY number_hash

-- name: drop_oldest_parts
-- The same over all senders. Reads the whole table: only when the overall quota is exceeded.
WITH texts AS (
    SELECT number_hash, destination, centre, reference, total, whole,
           max(stored_at) AS stored_at, max(received_at) AS received_at,
           count(*) AS parts, sum(size) AS bytes
    FROM mo_parts
    GROUP BY number_hash, destination, centre, reference, total, whole
), ranked AS (
    SELECT *, sum(parts) OVER newest AS parts_so_far, sum(bytes) OVER newest AS bytes_so_far
    FROM texts
    WINDOW newest AS (
        ORDER BY stored_at DESC, received_at DESC, number_hash, reference, total, whole
        ROWS UNBOUNDED PRECEDING
    )
), gone AS (
    DELETE FROM mo_parts AS part USING ranked AS text
    WHERE (text.parts_so_far > %(rows)s OR text.bytes_so_far > %(bytes)s)
      AND part.number_hash = text.number_hash AND part.destination = text.destination
      AND part.centre = text.centre AND part.reference = text.reference
      AND part.total = text.total AND part.whole = text.whole
    RETURNING part.number_hash, part.destination, part.centre, part.reference, part.total,
              part.whole, part.received_at
)
SELECT number_hash, 'overall', count(*),
       count(DISTINCT (destination, centre, reference, total)) FILTER (WHERE NOT whole),
       min(received_at), max(received_at)
FROM gone GROUP BY number_hash

-- name: add_rejected_mos
-- One row per number, kind and minute. New rows per hour of arrival are limited, of one number and
-- over all; the rest is counted in one row per minute without a number. Sorted, so that two
-- batches with the same rows don't deadlock.
WITH given AS (
    SELECT number_hash, minute, kind, first_at, last_at, count, nullif(reading, '')::json AS reading,
           row_number() OVER (PARTITION BY number_hash ORDER BY minute, kind) AS of_number
    FROM unnest(
        %(hashes)b::bytea[], %(minutes)b::timestamptz[], %(kinds)b::text[],
        %(first)b::timestamptz[], %(last)b::timestamptz[], %(counts)b::bigint[],
        %(readings)b::text[]
    ) AS given (number_hash, minute, kind, first_at, last_at, count, reading)
), since AS (
    SELECT min(minute) - interval '1 hour' AS minute FROM given
), within AS (
    -- Beyond the limit of their number first: they take no room from others.
    SELECT given.*, row_number() OVER (ORDER BY given.minute, number_hash, kind) AS ordinal
    FROM given JOIN (
        SELECT number_hash, (
            SELECT count(*) FROM rejected_mos AS stored, since
            WHERE stored.number_hash = sender.number_hash AND stored.minute > since.minute
        ) AS stored
        FROM (SELECT DISTINCT number_hash FROM given) AS sender
    ) AS sender USING (number_hash)
    WHERE of_number + sender.stored <= %(per_sender)s
), room AS (
    SELECT %(per_hour)s::bigint - count(*) AS rows FROM (
        SELECT FROM rejected_mos
        WHERE minute > (SELECT minute FROM since) AND kind <> 'left_out'
        LIMIT %(per_hour)s::bigint
    ) AS taken
), kept AS (
    SELECT within.* FROM within, room WHERE ordinal <= room.rows
), left_out AS (
    SELECT ''::bytea AS number_hash, minute, 'left_out' AS kind, min(first_at) AS first_at,
           max(last_at) AS last_at, sum(count)::bigint AS count
    FROM given
    WHERE (number_hash, minute, kind) NOT IN (SELECT number_hash, minute, kind FROM kept)
    GROUP BY minute
)
INSERT INTO rejected_mos AS stored (number_hash, minute, kind, first_at, last_at, count, reading)
SELECT number_hash, minute, kind, first_at, last_at, count, reading FROM kept
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
