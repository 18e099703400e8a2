-- A message parked before its offset was committed comes again: once is enough.
INSERT INTO parked (topic, partition, kafka_offset, reason, sealed)
SELECT topic, partition, kafka_offset, reason, sealed
FROM unnest(
    %(topics)s::text[], %(partitions)s::integer[], %(offsets)s::bigint[],
    %(reasons)s::text[], %(sealed)s::bytea[]
) AS new (topic, partition, kafka_offset, reason, sealed)
ON CONFLICT (topic, partition, kafka_offset) DO NOTHING
