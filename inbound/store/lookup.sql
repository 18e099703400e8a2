-- Look-ups of one person's texts and requests.

-- name: person_by_hash
SELECT subject_id, number_hash, number_sealed
FROM subjects WHERE number_hash = %(number_hash)s

-- name: person_by_subject
SELECT subject_id, number_hash, number_sealed
FROM subjects WHERE subject_id = %(subject_id)s

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
-- Finds sent messages while they wait for receipts. Reads the whole table: such a look-up is
-- rare, and an index would cost every message. If the projection does not show the request yet:
-- no reply is sent later than two days after its MO.
SELECT DISTINCT sent.subject_id, sent.request_id,
       coalesce(request.arrived_at, sent.submitted_at - interval '2 days')
FROM smsc_messages AS sent
LEFT JOIN projections.requests AS request USING (request_id)
WHERE sent.smsc_message_id = ANY(%(ids)s) AND sent.request_id IS NOT NULL
LIMIT %(limit)s

-- name: newest_requests
-- By the index on (stream_id, version), from the newest on; without a time the scan ends at the
-- limit.
SELECT version, (data ->> 'request_id')::uuid
FROM events
WHERE stream_id = %(subject_id)s AND type = 'request.accepted'
  AND (%(since)s::timestamptz IS NULL
       OR (data ->> 'arrived_at')::timestamptz >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL
       OR (data ->> 'arrived_at')::timestamptz < %(until)s::timestamptz)
ORDER BY version DESC
LIMIT %(limit)s

-- name: count_requests
-- Counts up to a limit.
SELECT count(*) FROM (
    SELECT FROM events
    WHERE stream_id = %(subject_id)s AND type = 'request.accepted'
      AND (%(since)s::timestamptz IS NULL
           OR (data ->> 'arrived_at')::timestamptz >= %(since)s::timestamptz)
      AND (%(until)s::timestamptz IS NULL
           OR (data ->> 'arrived_at')::timestamptz < %(until)s::timestamptz)
    LIMIT %(limit)s
) AS counted

-- name: events_of_requests
-- The events of some requests of one subject, from a version and a time on, and the events about
-- the limit of commands.
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events
WHERE stream_id = %(subject_id)s AND version >= %(from_version)s
  AND recorded_at >= %(since)s
  AND (type = 'command.limit_reached' OR data ->> 'request_id' = ANY(%(request_ids)s::text[]))
ORDER BY version
LIMIT %(limit)s

-- name: rejected_mos_of
SELECT number_hash, minute, kind, first_at, last_at, count, reading
FROM rejected_mos
WHERE number_hash = %(number_hash)s
  AND (%(since)s::timestamptz IS NULL OR last_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR first_at < %(until)s::timestamptz)
ORDER BY minute DESC, kind
LIMIT %(limit)s

-- name: unrecorded_mos
-- The rows without a number count the rejected MOs beyond the limit (add_rejected_mos).
SELECT coalesce(sum(count), 0)::bigint, min(first_at), max(last_at)
FROM rejected_mos
WHERE number_hash = ''::bytea
  AND (%(since)s::timestamptz IS NULL OR last_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR first_at < %(until)s::timestamptz)

-- name: waiting_parts
SELECT total, array_agg(sequence ORDER BY received_at), min(received_at), max(received_at)
FROM mo_parts
WHERE number_hash = %(number_hash)s AND NOT whole
GROUP BY centre, destination, reference, total
ORDER BY min(received_at) DESC
LIMIT %(limit)s

-- name: claims_of
SELECT message_id, attempt, gateway, claimed_at
FROM mt_claims WHERE message_id = ANY(%(message_ids)s)

-- name: sent_part_statuses
SELECT message_id, part, parts, state, final, error, done_at
FROM smsc_messages
WHERE subject_id = %(subject_id)s AND message_id = ANY(%(message_ids)s)
ORDER BY message_id, part
