-- How many requests of one subject arrived in a time, counted no further than is worth it.
SELECT count(*) FROM (
    SELECT FROM events
    WHERE stream_id = %(subject_id)s AND type = 'request.accepted'
      AND (%(since)s::timestamptz IS NULL
           OR (data ->> 'arrived_at')::timestamptz >= %(since)s::timestamptz)
      AND (%(until)s::timestamptz IS NULL
           OR (data ->> 'arrived_at')::timestamptz < %(until)s::timestamptz)
    LIMIT %(limit)s
) AS counted
