-- The events of some requests of one subject, none of which stands before a version or was
-- recorded before a moment; and where the limit of commands was reached since.
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events
WHERE stream_id = %(subject_id)s AND version >= %(from_version)s
  AND recorded_at >= %(since)s
  AND (type = 'command.limit_reached' OR data ->> 'request_id' = ANY(%(request_ids)s::text[]))
ORDER BY version
LIMIT %(limit)s
