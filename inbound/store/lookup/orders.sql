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
-- The order of a submitted message while its receipt can arrive.
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

-- name: waiting_orders
-- With the name of their broadcast, the currency that their account had at their time, whether the
-- broadcast is paused, and the keyed digest of the text.
SELECT order_id, orders.state, changed_at, due_at, nullif(broadcasts.name, ''),
       currency_at(orders.account, orders.created_at),
       coalesce(broadcasts.state = 'paused', false), text_digest
FROM orders LEFT JOIN broadcasts USING (broadcast_id)
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
