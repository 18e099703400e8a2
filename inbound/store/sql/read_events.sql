-- Positions appear in commit order without gaps, so reading on from the last one seen
-- misses nothing.
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events WHERE position > %(after)s ORDER BY position LIMIT %(limit)s
