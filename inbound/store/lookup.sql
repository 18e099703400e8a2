-- Look-ups of one person's texts, requests and orders.

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

-- name: locate_by_order
-- The row of an order outlives its person.
SELECT subject_id, order_id, created_at
FROM orders WHERE order_id = %(order_id)s

-- name: locate_orders_by_trace
-- By the index orders_trace.
SELECT subject_id, order_id, created_at
FROM orders
WHERE substr(traceparent, 4, 32) = replace(%(trace_id)s::uuid::text, '-', '')
  AND traceparent IS NOT NULL AND broadcast_id IS NULL
ORDER BY created_at DESC
LIMIT %(limit)s

-- name: locate_by_order_message
-- The order of a submitted message while its receipt can arrive. Reads the whole table, as
-- locate_by_centre_id does.
SELECT DISTINCT sent.subject_id, sent.order_id, coalesce(stored.created_at, sent.submitted_at)
FROM smsc_messages AS sent
LEFT JOIN orders AS stored USING (order_id)
WHERE sent.message_id = %(message_id)s AND sent.order_id IS NOT NULL

-- name: locate_orders_by_centre_id
SELECT DISTINCT sent.subject_id, sent.order_id, coalesce(stored.created_at, sent.submitted_at)
FROM smsc_messages AS sent
LEFT JOIN orders AS stored USING (order_id)
WHERE sent.smsc_message_id = ANY(%(ids)s) AND sent.order_id IS NOT NULL
LIMIT %(limit)s

-- name: newest_entries
-- Requests by their arrival, orders by their decision. The events are in the order in which they
-- were recorded, which differs: a text can wait. So the last ones recorded, up to a limit, are
-- read by the index on (stream_id, version), and counted.
SELECT version, id, is_order,
       count(*) FILTER (WHERE NOT is_order) OVER (), count(*) FILTER (WHERE is_order) OVER ()
FROM (
    SELECT version, id, is_order, at
    FROM events, LATERAL (
        SELECT type <> 'request.accepted' AS is_order,
               coalesce(data ->> 'request_id', data ->> 'order_id')::uuid AS id,
               coalesce(data ->> 'arrived_at', data #>> '{facts,decided_at}')::timestamptz AS at
    ) AS decided
    WHERE stream_id = %(subject_id)s
      AND type IN ('request.accepted', 'order.accepted', 'order.refused')
      AND data #>> '{facts,accepted_at}' IS NULL
      AND (%(since)s::timestamptz IS NULL OR at >= %(since)s::timestamptz)
      AND (%(until)s::timestamptz IS NULL OR at < %(until)s::timestamptz)
    ORDER BY version DESC
    LIMIT %(most)s
) AS recorded
ORDER BY at DESC, version DESC
LIMIT %(limit)s

-- name: events_of
-- The events of some requests and orders of one stream, from a version and a time on, and those
-- about the limit of commands and the erasure of the person.
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events
WHERE stream_id = %(stream_id)s AND version >= %(from_version)s
  AND recorded_at >= %(since)s
  AND (type IN ('command.limit_reached', 'person.erased')
       OR coalesce(data ->> 'request_id', data ->> 'order_id') = ANY(%(ids)s::text[]))
ORDER BY version
LIMIT %(limit)s

-- name: events_of_orders
-- The events of one order, or of the newest ones of an account or a broadcast, in the order of the
-- log.
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM (
    SELECT order_id, coalesce(subject_id, order_id) AS stream
    FROM orders
    WHERE (%(order_id)s::uuid IS NULL OR order_id = %(order_id)s::uuid)
      AND (%(account)s::text IS NULL OR account = %(account)s::text)
      AND (%(broadcast_id)s::uuid IS NULL OR broadcast_id = %(broadcast_id)s::uuid)
    ORDER BY created_at DESC
    LIMIT %(limit)s
) AS found
JOIN events ON stream_id = found.stream AND data ->> 'order_id' = found.order_id::text
ORDER BY position

-- name: events_of_strangers_orders
-- The decisions about orders to a number without a subject, those of the newest ones.
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM (
    SELECT order_id FROM orders
    WHERE stranger_hash = %(number_hash)s
      AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s::timestamptz)
      AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s::timestamptz)
    ORDER BY created_at DESC LIMIT %(limit)s
) AS found
JOIN events ON stream_id = found.order_id
ORDER BY position

-- name: last_stops
SELECT given.version, stop.at
FROM unnest(%(versions)s::integer[]) AS given (version)
CROSS JOIN LATERAL (
    SELECT (data ->> 'at')::timestamptz AS at FROM events
    WHERE stream_id = %(subject_id)s AND events.version < given.version
      AND type = 'subscription.stopped'
    ORDER BY events.version DESC LIMIT 1
) AS stop

-- name: waiting_orders
-- With the name of their broadcast, and the currency of their account.
SELECT order_id, orders.state, changed_at, due_at, nullif(broadcasts.name, ''), currency
FROM orders LEFT JOIN broadcasts USING (broadcast_id) LEFT JOIN accounts
    ON accounts.account = orders.account
WHERE order_id = ANY(%(order_ids)s)

-- name: exclusions_of
-- Rows with a number in audiences of broadcasts that have begun, by the index on number_hash.
SELECT broadcast_id, name, account, reason, row_no, created_at, began_at
FROM broadcast_exclusions JOIN broadcasts USING (broadcast_id)
WHERE number_hash = %(number_hash)s AND began_at IS NOT NULL
  AND (%(since)s::timestamptz IS NULL OR began_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR began_at < %(until)s::timestamptz)
ORDER BY began_at DESC, row_no
LIMIT %(limit)s

-- name: switches_of
-- Switches of notifications by operators, the newest first.
SELECT (data ->> 'at')::timestamptz AS at, type = 'subscription.started', data ->> 'by',
       coalesce(data ->> 'reason', '')
FROM events
WHERE stream_id = %(subject_id)s AND type IN ('subscription.started', 'subscription.stopped')
  AND data ->> 'by' IS NOT NULL
  AND (%(since)s::timestamptz IS NULL OR (data ->> 'at')::timestamptz >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR (data ->> 'at')::timestamptz < %(until)s::timestamptz)
ORDER BY version DESC
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
