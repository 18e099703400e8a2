-- The newest events of one subject, by the index on (stream, version).
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events
WHERE stream_id = %(subject_id)s
  AND (%(since)s::timestamptz IS NULL OR recorded_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR recorded_at < %(until)s::timestamptz)
ORDER BY version DESC
LIMIT %(limit)s
