-- A message parked before its offset was committed comes again: once is enough.
INSERT INTO parked (topic, partition, kafka_offset, reason, sealed)
SELECT topic, partition, kafka_offset, reason, sealed
FROM unnest(
    %(topics)b::text[], %(partitions)b::integer[], %(offsets)b::bigint[],
    %(reasons)b::text[], %(sealed)b::bytea[]
) AS new (topic, partition, kafka_offset, reason, sealed)
ON CONFLICT (topic, partition, kafka_offset) DO NOTHING
