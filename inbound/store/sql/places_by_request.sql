-- From the projection; what it has not read yet, from the end of the log.
SELECT subject_id, request_id, arrived_at
FROM projections.requests WHERE request_id = %(request_id)s
UNION
SELECT stream_id, (data ->> 'request_id')::uuid, (data ->> 'arrived_at')::timestamptz
FROM events
WHERE position > coalesce((SELECT position FROM projections.progress
                           WHERE name = 'requests' AND place = 'projections'), 0)
  AND type = 'request.accepted' AND data ->> 'request_id' = %(request_id)s::uuid::text
