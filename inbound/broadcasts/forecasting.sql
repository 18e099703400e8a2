-- How fast broadcasts go.

-- name: count_recent
-- By the index on (account, created_at).
SELECT count(*) FROM orders
WHERE account = %(account)s AND created_at >= %(since)s AND broadcast_id = %(broadcast_id)s
