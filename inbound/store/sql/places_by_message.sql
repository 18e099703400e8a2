-- From the projection; what it has not read yet, from the end of the log, where the
-- request's arrival is not known: no reply is sent later than two days after it.
SELECT subject_id, request_id, arrived_at
FROM projections.requests
WHERE acknowledgement_id = %(message_id)s OR fulfilment_id = %(message_id)s
UNION ALL
(SELECT stream_id, (data ->> 'request_id')::uuid, recorded_at - interval '2 days'
 FROM events
 WHERE position > coalesce((SELECT position FROM projections.progress
                            WHERE name = 'requests' AND place = 'projections'), 0)
   AND type LIKE 'message.%%' AND data ->> 'message_id' = %(message_id)s::uuid::text
   AND data ->> 'request_id' IS NOT NULL
 LIMIT 1)
