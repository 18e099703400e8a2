-- Look-ups of an account's orders.

-- name: find_orders
SELECT order_id, account, subject_id, kind, state, reason, template, template_version, sender,
       parts, price, created_at, changed_at, due_at, last_at, broadcast_id, refunded,
       CASE WHEN price IS NOT NULL
            THEN currency_at(account, created_at) END AS currency,
       receipt, error
FROM orders WHERE order_id = ANY(%(order_ids)s) AND account = %(account)s

-- name: find_answers
SELECT order_id, number_hash, answer FROM network_answers WHERE order_id = ANY(%(order_ids)s)

-- name: search_orders
-- Newest first, by the index on (account, created_at). A page starts after the last row before.
SELECT order_id, account, subject_id, kind, state, reason, template, template_version, sender,
       parts, price, created_at, changed_at, due_at, last_at, broadcast_id, refunded,
       CASE WHEN price IS NOT NULL
            THEN currency_at(account, created_at) END AS currency,
       receipt, error
FROM orders
WHERE account = %(account)s
  AND created_at >= %(since)s::timestamptz
  AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s::timestamptz)
  AND (%(state)s::text IS NULL OR state = %(state)s::text)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s::text)
  AND (%(template)s::text IS NULL OR template = %(template)s::text)
  AND (%(broadcast_id)s::uuid IS NULL OR broadcast_id = %(broadcast_id)s::uuid)
  AND (%(words)s::bytea[] IS NULL
       OR order_id IN (SELECT order_id FROM smpp_messages AS message
                       WHERE message.account = %(account)s AND words @> %(words)s::bytea[]))
  AND (%(after_at)s::timestamptz IS NULL
       OR created_at <= %(after_at)s::timestamptz
          AND (created_at, order_id) < (%(after_at)s::timestamptz, %(after_id)s::uuid))
ORDER BY created_at DESC, order_id DESC
LIMIT %(limit)s

-- name: events_of_order
-- By the index on (stream_id, version). The stream is the person's, or the order's own.
SELECT type, schema_version, data
FROM events
WHERE stream_id = %(stream_id)s AND recorded_at >= %(since)s
  AND data ->> 'order_id' = %(order_id)s::uuid::text
ORDER BY version
LIMIT %(limit)s

-- name: orders_sent_by_people
-- Newest first, by the index audit_of_actions. A page starts after the last entry before. The row
-- of an order is deleted some day, the entry never.
SELECT entry.id, entry.at, entry.actor, entry.request_id, orders.subject_id, orders.account,
       orders.kind, orders.state, orders.template, orders.parts, orders.due_at
FROM (SELECT id, at, actor, request_id FROM audit
      WHERE action = 'order.send'
        AND (%(before_at)s::timestamptz IS NULL
             OR at <= %(before_at)s::timestamptz
                AND (at, id) < (%(before_at)s::timestamptz, %(before_id)s::bigint))
      ORDER BY at DESC, id DESC LIMIT %(limit)s) AS entry
LEFT JOIN orders ON orders.order_id = entry.request_id
ORDER BY entry.at DESC, entry.id DESC

-- name: scheduled_orders
-- Those of no broadcast, the soonest first, by the index on due_at. A page starts after the last
-- row before.
SELECT order_id, subject_id, account, kind, template, parts, created_at, due_at
FROM orders
WHERE due_at IS NOT NULL AND broadcast_id IS NULL
  AND (%(after_at)s::timestamptz IS NULL
       OR due_at >= %(after_at)s::timestamptz
          AND (due_at, order_id) > (%(after_at)s::timestamptz, %(after_id)s::uuid))
ORDER BY due_at, order_id
LIMIT %(limit)s
