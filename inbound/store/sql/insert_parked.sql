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
