-- Dead letters.

-- name: insert_parked
-- A message parked before its offset was committed comes again: once is enough.
INSERT INTO parked
    (topic, partition, kafka_offset, part, feed, reason, retried, number_hash, sealed)
SELECT topic, partition, kafka_offset, part, feed, reason, retried, number_hash, sealed
FROM unnest(
    %(topics)b::text[], %(partitions)b::integer[], %(offsets)b::bigint[], %(parts)b::smallint[],
    %(feeds)b::text[], %(reasons)b::text[], %(retried)b::integer[],
    %(number_hashes)b::bytea[], %(sealed)b::bytea[]
) AS new (topic, partition, kafka_offset, part, feed, reason, retried, number_hash, sealed)
ON CONFLICT (topic, partition, kafka_offset, part, feed) DO NOTHING

-- name: parked_usage
SELECT rows, bytes FROM parked_usage

-- name: list_parked
-- Parked messages in the order in which they were, chosen by what is given; a reason is found
-- by a piece of it, in either case.
SELECT id, topic, partition, kafka_offset, part, feed, reason, retried, number_hash, parked_at,
       size
FROM parked
WHERE id > %(after)s AND (%(upto)s::bigint IS NULL OR id <= %(upto)s::bigint)
  AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
  AND (%(topic)s::text IS NULL OR topic = %(topic)s::text)
  AND (%(reason)s::text IS NULL OR position(lower(%(reason)s::text) IN lower(reason)) > 0)
ORDER BY id
LIMIT %(limit)s

-- name: count_parked
-- How many of those that list_parked chooses there are, and the last of them.
SELECT count(*), coalesce(max(id), 0)
FROM parked
WHERE (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
  AND (%(topic)s::text IS NULL OR topic = %(topic)s::text)
  AND (%(reason)s::text IS NULL OR position(lower(%(reason)s::text) IN lower(reason)) > 0)

-- name: open_parked
SELECT id, sealed FROM parked WHERE id = ANY(%(ids)b::bigint[])

-- name: delete_parked
DELETE FROM parked WHERE id = ANY(%(ids)b::bigint[])

-- name: discard_parked
-- Those that list_parked chooses.
DELETE FROM parked
WHERE id <= %(upto)s
  AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
  AND (%(topic)s::text IS NULL OR topic = %(topic)s::text)
  AND (%(reason)s::text IS NULL OR position(lower(%(reason)s::text) IN lower(reason)) > 0)

-- name: lock_parked
-- One retry at a time, whoever runs it; goes with the connection.
SELECT pg_try_advisory_lock(hashtext('scserv parked'))

-- name: list_nobodys_parked
-- Parked messages of which nobody knows whose they are.
SELECT id, topic, partition, kafka_offset, part, feed, sealed
FROM parked WHERE number_hash IS NULL
