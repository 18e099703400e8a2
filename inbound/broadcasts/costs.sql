-- What broadcasts cost.

-- name: sum_up_costs
-- By the currency that the account had when the message was accepted, and what one unit of it is
-- worth in that of now (NULL: that is not known). No row if no order has a price.
WITH eras AS (
    SELECT currency, to_current, lag(changed_at) OVER (ORDER BY changed_at) AS since,
           changed_at AS until
    FROM account_currencies WHERE account = %(account)s
    UNION ALL
    SELECT currency, 1,
           (SELECT max(changed_at) FROM account_currencies WHERE account = %(account)s), NULL
    FROM accounts WHERE account = %(account)s
)
SELECT eras.currency, eras.to_current, sum(CASE WHEN refunded THEN 0 ELSE price END),
       sum(CASE WHEN refunded THEN price ELSE 0 END),
       (SELECT currency FROM accounts WHERE account = %(account)s)
FROM orders JOIN eras ON created_at >= coalesce(since, '-infinity')
    AND created_at < coalesce(until, 'infinity')
WHERE broadcast_id = %(broadcast_id)s AND price IS NOT NULL
GROUP BY eras.currency, eras.to_current

-- name: is_priced_as_now
-- Whether the currency of the account is the one of then.
SELECT NOT EXISTS (
    SELECT FROM account_currencies WHERE account = %(account)s AND changed_at > %(since)s
)
