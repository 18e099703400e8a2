-- The log as a whole: reading, verifying, importing.

-- name: read_log
-- Columns in the order of copy_format.py. Read within one snapshot.
COPY (
    SELECT position, recorded_at, chain, digest,
           stream_id, version, type, schema_version, data, metadata
    FROM events WHERE position > %(after)s AND position <= %(until)s ORDER BY position
) TO STDOUT (FORMAT binary)

-- name: read_one_chain
-- Columns in the order of copy_format.py. Read within one snapshot.
COPY (
    SELECT position, recorded_at, chain, digest,
           stream_id, version, type, schema_version, data, metadata
    FROM events
    WHERE position > %(after)s AND position <= %(until)s AND chain = %(chain)s
    ORDER BY position
) TO STDOUT (FORMAT binary)

-- name: recorded_at
SELECT recorded_at FROM events WHERE position = %(position)s

-- name: at_positions
SELECT position, chain, digest FROM events WHERE position = ANY(%(positions)s::bigint[])

-- name: stored_heads
SELECT positions, digests FROM log_heads

-- name: heads_at
-- The newest event of each chain up to a position. Each chain has one of a few events, so
-- each scan is short.
SELECT chain.number, event.position, event.digest
FROM generate_series(0, %(chains)s - 1) AS chain (number)
CROSS JOIN LATERAL (
    SELECT position, digest FROM events
    WHERE events.chain = chain.number AND events.position <= %(position)s
    ORDER BY position DESC LIMIT 1
) AS event

-- name: versions
-- Events whose predecessor in their stream is missing or has a higher position. PostgreSQL joins
-- in bounded memory, however many streams there are.
SELECT event.position, event.stream_id, event.version
FROM events AS event
LEFT JOIN events AS before
    ON before.stream_id = event.stream_id
    AND before.version = event.version - 1
    AND before.position < event.position
WHERE event.position > %(since)s AND event.version > 1 AND before.position IS NULL
ORDER BY event.position

-- name: protection
-- The enabled triggers and constraints that protect the table from accidental changes.
SELECT tgname FROM pg_trigger
WHERE tgrelid = 'events'::regclass AND tgname = 'events_are_append_only' AND tgenabled = 'O'
UNION ALL
SELECT conname FROM pg_constraint
WHERE conrelid = 'events'::regclass AND conname = 'events_have_digests'
UNION ALL
SELECT conname FROM pg_constraint
WHERE conrelid = 'events'::regclass AND conname = 'events_stream_id_version_key'

-- name: allow_import
-- For this transaction: events from before the chains may lack digests.
SET LOCAL scserv.importing = 'on'

-- name: analyze
ANALYZE events
