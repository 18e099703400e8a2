-- The newest requests of one subject that arrived in a time, by the index on (stream,
-- version). A condition that is null costs nothing: the scan then ends at the limit.
SELECT version, (data ->> 'request_id')::uuid
FROM events
WHERE stream_id = %(subject_id)s AND type = 'request.accepted'
  AND (%(since)s::timestamptz IS NULL
       OR (data ->> 'arrived_at')::timestamptz >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL
       OR (data ->> 'arrived_at')::timestamptz < %(until)s::timestamptz)
ORDER BY version DESC
LIMIT %(limit)s
