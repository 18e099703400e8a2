-- Orders and their sealed texts.

-- name: copy_orders
COPY orders (
    order_id, account, subject_id, kind, state, reason, template, template_version, language,
    sender, parts, price, content_digest, text_digest, created_at, changed_at, due_at, not_after,
    last_at, hours, dispatch, resend_unknown, broadcast_id, callback, traceparent, was_scheduled
)
FROM STDIN (FORMAT binary)

-- name: copy_contents
COPY order_contents (order_id, subject_id, sealed, delete_at) FROM STDIN (FORMAT binary)

-- name: find_orders
SELECT order_id, account, subject_id, kind, state, reason, template, template_version, language,
       sender, parts, price, content_digest, text_digest, created_at, changed_at, due_at,
       not_after, last_at, hours::text, dispatch, resend_unknown, broadcast_id, callback,
       traceparent, was_scheduled
FROM orders WHERE order_id = ANY(%(order_ids)b::uuid[])

-- name: lock_orders
-- As find_orders; waits for other transactions that change these orders.
SELECT order_id, account, subject_id, kind, state, reason, template, template_version, language,
       sender, parts, price, content_digest, text_digest, created_at, changed_at, due_at,
       not_after, last_at, hours::text, dispatch, resend_unknown, broadcast_id, callback,
       traceparent, was_scheduled
FROM orders WHERE order_id = ANY(%(order_ids)b::uuid[]) ORDER BY order_id FOR UPDATE

-- name: find_due_orders
-- Orders that are due, the longest overdue first; those that another process has are left out.
SELECT order_id, account, subject_id, kind, state, reason, template, template_version, language,
       sender, parts, price, content_digest, text_digest, created_at, changed_at, due_at,
       not_after, last_at, hours::text, dispatch, resend_unknown, broadcast_id, callback,
       traceparent, was_scheduled
FROM orders WHERE due_at <= %(now)s
ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: change_orders
-- A delivery outcome stays, whatever is learned late about the submitting.
UPDATE orders AS stored
SET state = given.state, changed_at = given.at,
    reason = coalesce(given.reason, stored.reason),
    dispatch = coalesce(given.dispatch, stored.dispatch),
    due_at = given.due_at,
    not_after = coalesce(given.not_after, stored.not_after)
FROM unnest(
    %(order_ids)b::uuid[], %(states)b::text[], %(at)b::timestamptz[], %(reasons)b::text[],
    %(dispatches)b::smallint[], %(due)b::timestamptz[], %(not_after)b::timestamptz[]
) AS given (order_id, state, at, reason, dispatch, due_at, not_after)
WHERE stored.order_id = given.order_id
  AND NOT (stored.state IN ('delivered', 'undelivered') AND given.state NOT IN ('delivered', 'undelivered'))

-- name: find_recent_orders
-- The last accepted orders of an account to a person: of any text, and of the same one.
SELECT given.account, given.subject_id, given.text_digest, recent.last_at, recent.same_text_at
FROM unnest(
    %(accounts)b::text[], %(subject_ids)b::uuid[], %(text_digests)b::bytea[],
    %(since)b::timestamptz[]
) AS given (account, subject_id, text_digest, since)
CROSS JOIN LATERAL (
    SELECT max(created_at) AS last_at,
           max(created_at) FILTER (WHERE orders.text_digest = given.text_digest) AS same_text_at
    FROM orders
    WHERE orders.subject_id = given.subject_id AND orders.account = given.account
      AND orders.state <> 'refused' AND orders.created_at > given.since
) AS recent
