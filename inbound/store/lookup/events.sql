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
