-- Bulk orders of programs that wait for the turn of their account.

-- name: bulk_accounts
-- The accounts with orders that are due or queued: how many are queued, and wait, `most` at most. The
-- index is searched for the next account, and not read.
WITH RECURSIVE ordering AS (
    (SELECT account FROM orders
     WHERE is_bulk AND due_at IS NOT NULL ORDER BY account LIMIT 1)
    UNION ALL
    SELECT (SELECT account FROM orders
            WHERE is_bulk AND due_at IS NOT NULL AND account > ordering.account
            ORDER BY account LIMIT 1)
    FROM ordering WHERE account IS NOT NULL
), queued AS (
    SELECT account, count(*) AS queued FROM bulk_queued GROUP BY account
), waiting AS (
    SELECT account, (
        SELECT count(*) FROM (
            SELECT FROM orders
            WHERE is_bulk AND orders.account = ordering.account AND due_at <= %(now)s
            LIMIT %(most)s
        ) AS due
    ) AS due
    FROM ordering WHERE account IS NOT NULL
)
SELECT account, coalesce(queued, 0), coalesce(due, 0)
FROM waiting FULL JOIN queued USING (account)

-- name: find_due_bulk
-- Of each account as many as its share, the longest overdue first; locked as those of find_due_orders.
SELECT due.order_id, due.account, due.subject_id, due.kind, due.state, due.reason, due.template,
       due.template_version, due.language, due.sender, due.parts, due.price, due.content_digest,
       due.text_digest, due.created_at, due.changed_at, due.due_at, due.not_after, due.last_at,
       due.hours::text, due.dispatch, due.resend_unknown, due.broadcast_id, due.callback,
       due.traceparent, due.was_scheduled, due.refunded, due.stranger_hash, due.is_bulk,
       due.channel
FROM unnest(%(accounts)s::text[], %(limits)s::integer[]) AS given (account, share)
CROSS JOIN LATERAL (
    SELECT * FROM orders
    WHERE is_bulk AND orders.account = given.account AND due_at <= %(now)s
    ORDER BY due_at LIMIT given.share FOR UPDATE SKIP LOCKED
) AS due
