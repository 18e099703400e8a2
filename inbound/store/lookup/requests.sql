-- name: locate_by_request
-- From the projection, and from the end of the log that it does not show yet.
SELECT subject_id, request_id, arrived_at
FROM projections.requests WHERE request_id = %(request_id)s
UNION
SELECT stream_id, (data ->> 'request_id')::uuid, (data ->> 'arrived_at')::timestamptz
FROM events
WHERE position > coalesce((SELECT position FROM projections.progress
                           WHERE name = 'requests' AND schema_name = 'projections'), 0)
  AND type = 'request.accepted' AND data ->> 'request_id' = %(request_id)s::uuid::text

-- name: locate_by_message
-- From the projection, and from the end of the log that it does not show yet. There the arrival
-- of the request is unknown: no reply is sent later than two days after it.
SELECT subject_id, request_id, arrived_at
FROM projections.requests
WHERE acknowledgement_id = %(message_id)s OR fulfilment_id = %(message_id)s
UNION ALL
(SELECT stream_id, (data ->> 'request_id')::uuid, recorded_at - interval '2 days'
 FROM events
 WHERE position > coalesce((SELECT position FROM projections.progress
                            WHERE name = 'requests' AND schema_name = 'projections'), 0)
   AND type LIKE 'message.%%' AND data ->> 'message_id' = %(message_id)s::uuid::text
   AND data ->> 'request_id' IS NOT NULL
 LIMIT 1)

-- name: locate_by_trace
-- From the projection, and from the end of the log that it does not show yet.
SELECT subject_id, request_id, arrived_at
FROM projections.requests WHERE trace_id = %(trace_id)s
UNION
SELECT stream_id, (data ->> 'request_id')::uuid, (data ->> 'arrived_at')::timestamptz
FROM events
WHERE position > coalesce((SELECT position FROM projections.progress
                           WHERE name = 'requests' AND schema_name = 'projections'), 0)
  AND type = 'request.accepted'
  AND substr(metadata ->> 'traceparent', 4, 32) = replace(%(trace_id)s::uuid::text, '-', '')
ORDER BY arrived_at DESC
LIMIT %(limit)s

-- name: locate_by_centre_id
-- Finds sent messages while they wait for receipts, by the index smsc_messages_centre_id. If the projection does not show the request yet:
-- no reply is sent later than two days after its MO.
SELECT DISTINCT sent.subject_id, sent.request_id,
       coalesce(request.arrived_at, sent.submitted_at - interval '2 days')
FROM smsc_messages AS sent
LEFT JOIN projections.requests AS request USING (request_id)
WHERE sent.smsc_message_id = ANY(%(ids)s) AND sent.request_id IS NOT NULL
LIMIT %(limit)s
