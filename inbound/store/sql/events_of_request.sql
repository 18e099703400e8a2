-- The events of one request, which came after a moment, by the index on (stream, version).
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events
WHERE stream_id = %(subject_id)s AND recorded_at >= %(since)s
  AND data ->> 'request_id' = %(request_id)s::uuid::text
ORDER BY version
LIMIT %(limit)s
