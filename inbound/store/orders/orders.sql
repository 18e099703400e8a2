-- Orders and their sealed texts.

-- name: copy_orders
COPY orders (
    order_id, account, subject_id, kind, state, reason, template, template_version, language,
    sender, parts, price, content_digest, text_digest, created_at, changed_at, due_at, not_after,
    last_at, hours, dispatch, resend_unknown, broadcast_id, callback, traceparent, was_scheduled,
    stranger_hash, is_bulk, channel
)
FROM STDIN (FORMAT binary)

-- name: copy_contents
COPY order_contents (order_id, subject_id, sealed, delete_at, address) FROM STDIN (FORMAT binary)

-- name: find_orders
SELECT order_id, account, subject_id, kind, state, reason, template, template_version, language,
       sender, parts, price, content_digest, text_digest, created_at, changed_at, due_at,
       not_after, last_at, hours::text, dispatch, resend_unknown, broadcast_id, callback,
       traceparent, was_scheduled, refunded, stranger_hash, is_bulk, channel
FROM orders WHERE order_id = ANY(%(order_ids)b::uuid[])

-- name: lock_orders
-- As find_orders; waits for other transactions that change these orders.
SELECT order_id, account, subject_id, kind, state, reason, template, template_version, language,
       sender, parts, price, content_digest, text_digest, created_at, changed_at, due_at,
       not_after, last_at, hours::text, dispatch, resend_unknown, broadcast_id, callback,
       traceparent, was_scheduled, refunded, stranger_hash, is_bulk, channel
FROM orders WHERE order_id = ANY(%(order_ids)b::uuid[]) ORDER BY order_id FOR UPDATE

-- name: find_due_orders
-- Orders that are due, the longest overdue first; those that another process has are left out. Bulk
-- waits for the turn of its account (find_due_bulk).
SELECT order_id, account, subject_id, kind, state, reason, template, template_version, language,
       sender, parts, price, content_digest, text_digest, created_at, changed_at, due_at,
       not_after, last_at, hours::text, dispatch, resend_unknown, broadcast_id, callback,
       traceparent, was_scheduled, refunded, stranger_hash, is_bulk, channel
FROM orders WHERE NOT is_bulk AND due_at <= %(now)s
ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: find_lost_orders
-- Orders that are queued since before a time. Reads the whole table: no index has the state.
SELECT order_id, account, subject_id, kind, state, reason, template, template_version, language,
       sender, parts, price, content_digest, text_digest, created_at, changed_at, due_at,
       not_after, last_at, hours::text, dispatch, resend_unknown, broadcast_id, callback,
       traceparent, was_scheduled, refunded, stranger_hash, is_bulk, channel
FROM orders WHERE state = 'queued' AND changed_at < %(before)s
ORDER BY changed_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: change_orders
-- A delivery outcome stays, whatever is learned late about the submitting.
UPDATE orders AS stored
SET state = given.state, changed_at = given.at,
    reason = coalesce(given.reason, stored.reason),
    dispatch = coalesce(given.dispatch, stored.dispatch),
    due_at = given.due_at,
    not_after = coalesce(given.not_after, stored.not_after),
    error = given.error,
    receipt = given.receipt
FROM unnest(
    %(order_ids)b::uuid[], %(states)b::text[], %(at)b::timestamptz[], %(reasons)b::text[],
    %(dispatches)b::smallint[], %(due)b::timestamptz[], %(not_after)b::timestamptz[],
    %(errors)b::text[], %(receipts)b::text[]
) AS given (order_id, state, at, reason, dispatch, due_at, not_after, error, receipt)
WHERE stored.order_id = given.order_id
  AND NOT (stored.state IN ('delivered', 'undelivered') AND given.state NOT IN ('delivered', 'undelivered'))

-- name: find_claimed
SELECT message_id FROM mt_claims WHERE message_id = ANY(%(message_ids)b::uuid[])

-- name: refund_orders
-- Before change_orders, which changes the states. Orders that end unsent give back their price and
-- their place in the limits, once; one that was sent all the same takes them again. Locks: the
-- orders, then the accounts with counters, then the counters, as transactions that accept do.
WITH ended AS MATERIALIZED (
    SELECT stored.order_id, stored.account, stored.price, stored.created_at,
           CASE WHEN given.unsent THEN 1 ELSE -1 END AS sign
    FROM unnest(%(order_ids)b::uuid[], %(unsent)b::boolean[]) AS given (order_id, unsent)
    JOIN orders AS stored USING (order_id)
    WHERE stored.refunded <> given.unsent
      AND stored.state NOT IN ('refused', 'delivered', 'undelivered')
    ORDER BY stored.order_id FOR UPDATE OF stored
), marked AS (
    UPDATE orders SET refunded = (sign = 1) FROM ended WHERE orders.order_id = ended.order_id
), locked AS MATERIALIZED (
    SELECT account FROM accounts
    WHERE account IN (SELECT account FROM ended)
      AND (day_limit IS NOT NULL OR week_limit IS NOT NULL OR month_limit IS NOT NULL
           OR balance IS NOT NULL)
    ORDER BY account FOR NO KEY UPDATE
), periods AS (
    SELECT account, period, sum(sign) AS orders
    FROM ended JOIN accounts USING (account) LEFT JOIN locked USING (account)
    CROSS JOIN LATERAL (VALUES
        (to_char(ended.created_at AT TIME ZONE zone, '"d"YYYY-MM-DD')),
        (to_char(ended.created_at AT TIME ZONE zone, '"w"IYYY-IW')),
        (to_char(ended.created_at AT TIME ZONE zone, '"m"YYYY-MM'))
    ) AS of_order (period)
    GROUP BY account, period
), counters AS MATERIALIZED (
    SELECT account, period, orders
    FROM account_usage JOIN periods USING (account, period)
    ORDER BY account, period FOR NO KEY UPDATE OF account_usage
), counted AS (
    UPDATE account_usage AS stored SET used = greatest(stored.used - counters.orders, 0)
    FROM counters
    WHERE stored.account = counters.account AND stored.period = counters.period
), amounts AS (
    -- What was paid in a former currency comes back in the one of now, if its worth is known.
    SELECT ended.account, sum(sign * price * coalesce(past.to_current, 1)) AS amount
    FROM ended LEFT JOIN LATERAL (
        SELECT changed_at, to_current FROM account_currencies
        WHERE account_currencies.account = ended.account AND changed_at > ended.created_at
        ORDER BY changed_at LIMIT 1
    ) AS past ON true
    WHERE price IS NOT NULL AND (past.changed_at IS NULL OR past.to_current IS NOT NULL)
    GROUP BY ended.account
)
UPDATE accounts SET balance = balance + amount FROM amounts
WHERE accounts.account = amounts.account AND accounts.balance IS NOT NULL

-- name: find_recent_orders
-- The last accepted orders of an account to a person: of any text, and of the same one. Those that
-- ended unsent don't count.
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
      AND orders.last_at IS NOT NULL AND orders.state <> 'refused' AND NOT orders.refunded
      AND orders.created_at > given.since
) AS recent
