-- The outbox and the cursors of the relays.

-- name: append_outbox
-- The position is the column's default, taken under the log lock.
COPY outbox (shard, topic, key, event_id, type, headers, value)
FROM STDIN (FORMAT binary)

-- name: insert_outbox
-- As append_outbox, in one statement; sorted before the positions are taken.
INSERT INTO outbox (shard, topic, key, event_id, type, headers, value)
SELECT shard, topic, key, event_id, type, headers::json, value
FROM unnest(
    %(shards)b::smallint[], %(topics)b::text[], %(keys)b::text[], %(event_ids)b::text[],
    %(types)b::text[], %(headers)b::text[], %(contents)b::bytea[]
) WITH ORDINALITY AS new (shard, topic, key, event_id, type, headers, value, ordinal)
ORDER BY ordinal

-- name: read_outbox
-- The next rows of several shards, each shard's in order: one round trip for all.
SELECT next.*
FROM unnest(%(shards)s::smallint[], %(limits)s::integer[]) AS wanted (shard, most)
LEFT JOIN outbox_cursors ON feed = 'outbox' AND outbox_cursors.shard = wanted.shard
CROSS JOIN LATERAL (
    SELECT position, shard, topic, key, event_id, type, headers, value, created_at
    FROM outbox
    WHERE outbox.shard = wanted.shard
      AND position > coalesce(%(after)s::bigint, outbox_cursors.position, 0)
    ORDER BY position LIMIT wanted.most
) AS next
ORDER BY shard, position

-- name: find_cursor
SELECT position FROM outbox_cursors WHERE feed = %(feed)s AND shard = %(shard)s

-- name: advance_cursors
-- A cursor never goes back: a late relay that has lost its lock changes nothing. In the order of
-- the keys, so that two relays never wait for each other.
INSERT INTO outbox_cursors (feed, shard, position)
SELECT * FROM unnest(%(feeds)s::text[], %(shards)s::smallint[], %(positions)s::bigint[])
    AS moves (feed, shard, position)
ORDER BY feed, shard
ON CONFLICT (feed, shard) DO UPDATE SET position = excluded.position
WHERE outbox_cursors.position < excluded.position

-- name: count_waiting
-- How many rows of a shard wait to be published, up to a limit.
SELECT count(*) FROM (
    SELECT FROM outbox
    WHERE shard = %(shard)s AND position > coalesce(
        (SELECT position FROM outbox_cursors WHERE feed = 'outbox' AND shard = %(shard)s), 0)
    LIMIT %(limit)s
) AS waiting

-- name: oldest_unpublished
-- When the oldest row that no relay has published was written; null if all are published.
SELECT min(next.created_at)
FROM generate_series(0, %(shards)s::integer - 1) AS wanted (shard)
LEFT JOIN outbox_cursors ON feed = 'outbox' AND outbox_cursors.shard = wanted.shard
CROSS JOIN LATERAL (
    SELECT created_at FROM outbox
    WHERE outbox.shard = wanted.shard AND position > coalesce(outbox_cursors.position, 0)
    ORDER BY position LIMIT 1
) AS next

-- name: find_unpublished
-- Which of these messages no relay has published, and since when they wait. Looks at no more than
-- `most` rows of a shard; normally there is none.
SELECT next.event_id, next.created_at
FROM generate_series(0, %(shards)s::integer - 1) AS wanted (shard)
LEFT JOIN outbox_cursors ON feed = 'outbox' AND outbox_cursors.shard = wanted.shard
CROSS JOIN LATERAL (
    SELECT event_id, created_at FROM outbox
    WHERE outbox.shard = wanted.shard AND position > coalesce(outbox_cursors.position, 0)
    ORDER BY position LIMIT %(most)s
) AS next
WHERE next.event_id = ANY(%(ids)s::text[])

-- name: try_lock_shard
-- A session lock: it ends with the connection, however the process ends.
SELECT pg_try_advisory_lock(hashtext('scserv relay ' || %(feed)s::text), %(shard)s::integer)

-- name: listen_outbox
LISTEN scserv_outbox

-- name: unlisten_outbox
UNLISTEN scserv_outbox

-- name: notify_outbox
-- Its transaction has a lock of the whole server until it ends, so it doesn't wait for the disk:
-- there is nothing in it that could be lost.
SELECT set_config('synchronous_commit', 'off', true), pg_notify('scserv_outbox', '')

-- name: commit_without_waiting
SET synchronous_commit = off
