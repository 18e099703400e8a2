-- As read_events, with what the relay has no use for.
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at,
       chain, digest
FROM events WHERE position > %(after)s ORDER BY position LIMIT %(limit)s
