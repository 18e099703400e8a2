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
