-- How many requests of one subject were recorded in a time.
SELECT count(*) FROM events
WHERE stream_id = %(subject_id)s AND type = 'request.accepted'
  AND (%(since)s::timestamptz IS NULL OR recorded_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR recorded_at < %(until)s::timestamptz)
