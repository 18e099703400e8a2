-- Parked messages of which nobody knows whose they are.
SELECT id, topic, partition, kafka_offset, part, feed, sealed
FROM parked WHERE number_hash IS NULL
