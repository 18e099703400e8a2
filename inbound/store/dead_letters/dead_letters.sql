-- Dead letters.

-- name: insert_dead_letters
-- Kafka delivers a record again whose offset was not committed: store it once.
INSERT INTO dead_letters
    (topic, partition, kafka_offset, part, feed, reason, retried, number_hash, sealed)
SELECT topic, partition, kafka_offset, part, feed, reason, retried, number_hash, sealed
FROM unnest(
    %(topics)b::text[], %(partitions)b::integer[], %(offsets)b::bigint[], %(parts)b::smallint[],
    %(feeds)b::text[], %(reasons)b::text[], %(retried)b::integer[],
    %(number_hashes)b::bytea[], %(sealed)b::bytea[]
) AS new (topic, partition, kafka_offset, part, feed, reason, retried, number_hash, sealed)
ON CONFLICT (topic, partition, kafka_offset, part, feed) DO NOTHING

-- name: dead_letter_usage
SELECT rows, bytes FROM dead_letter_usage

-- name: dead_letters_by_sender
SELECT number_hash, count(*), sum(size)::bigint
FROM dead_letters WHERE number_hash = ANY(%(hashes)b::bytea[])
GROUP BY number_hash

-- name: list_dead_letters
-- In the order in which they were stored, filtered by the criteria given; a reason matches by
-- a part of it, in either case.
SELECT id, topic, partition, kafka_offset, part, feed, reason, retried, number_hash, stored_at,
       size
FROM dead_letters
WHERE id > %(after)s AND (%(upto)s::bigint IS NULL OR id <= %(upto)s::bigint)
  AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
  AND (%(topic)s::text IS NULL OR topic = %(topic)s::text)
  AND (%(reason)s::text IS NULL OR position(lower(%(reason)s::text) IN lower(reason)) > 0)
ORDER BY id
LIMIT %(limit)s

-- name: count_dead_letters
-- The number and the last id of the dead letters that match.
SELECT count(*), coalesce(max(id), 0)
FROM dead_letters
WHERE (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
  AND (%(topic)s::text IS NULL OR topic = %(topic)s::text)
  AND (%(reason)s::text IS NULL OR position(lower(%(reason)s::text) IN lower(reason)) > 0)

-- name: count_dead_texts
-- At most 1000 are counted. The topic may have a prefix.
SELECT count(*) FROM (
    SELECT FROM dead_letters WHERE topic LIKE '%%sms.mo.v1' AND feed = 'kafka' LIMIT 1000
) AS found

-- name: open_dead_letters
SELECT id, sealed FROM dead_letters WHERE id = ANY(%(ids)b::bigint[])

-- name: delete_dead_letters
DELETE FROM dead_letters WHERE id = ANY(%(ids)b::bigint[])

-- name: discard_dead_letters
-- The same criteria as list_dead_letters.
DELETE FROM dead_letters
WHERE id <= %(upto)s
  AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
  AND (%(topic)s::text IS NULL OR topic = %(topic)s::text)
  AND (%(reason)s::text IS NULL OR position(lower(%(reason)s::text) IN lower(reason)) > 0)

-- name: lock_dead_letters
-- One retry at a time. A session lock: it ends with the connection.
SELECT pg_try_advisory_lock(hashtext('scserv deadletters'))

-- name: list_unattributed_dead_letters
-- Dead letters of an unknown person.
SELECT id, topic, partition, kafka_offset, part, feed, sealed
FROM dead_letters WHERE number_hash IS NULL
