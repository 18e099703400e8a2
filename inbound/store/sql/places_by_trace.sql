-- From the projection; what it has not read yet, from the end of the log.
SELECT subject_id, request_id, arrived_at
FROM projections.requests WHERE trace_id = %(trace_id)s
UNION
SELECT stream_id, (data ->> 'request_id')::uuid, (data ->> 'arrived_at')::timestamptz
FROM events
WHERE position > coalesce((SELECT position FROM projections.progress
                           WHERE name = 'requests' AND place = 'projections'), 0)
  AND type = 'request.accepted'
  AND substr(metadata ->> 'traceparent', 4, 32) = replace(%(trace_id)s::uuid::text, '-', '')
ORDER BY arrived_at DESC
LIMIT %(limit)s
