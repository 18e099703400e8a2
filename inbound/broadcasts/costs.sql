-- What broadcasts cost.

-- name: sum_up_costs
-- NULL if no order has a price.
SELECT sum(CASE WHEN refunded THEN 0 ELSE price END), sum(CASE WHEN refunded THEN price ELSE 0 END)
FROM orders WHERE broadcast_id = %(broadcast_id)s AND price IS NOT NULL
