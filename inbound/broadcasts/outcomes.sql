-- What became of each recipient of a broadcast.

-- name: find_outcomes
-- Of the next recipients behind a number, in order, those in certain states; `last_no` and `scanned`
-- say how far it looked, also if there is none. Each recipient is looked up by indexes, so the cost
-- is that of `scan` recipients, however large the broadcast is. A recipient whose order is no
-- longer kept is left out: `orders` are deleted by the time of their last change, audiences later.
WITH scanned AS MATERIALIZED (
    SELECT no, row_no, number_hash, number_sealed, fields_sealed, row_sealed
    FROM broadcast_recipients
    WHERE broadcast_id = %(broadcast_id)s AND no > %(after)s
    ORDER BY no LIMIT %(scan)s
), found AS (
    SELECT scanned.no, scanned.row_no, scanned.number_hash, scanned.number_sealed,
           scanned.fields_sealed, scanned.row_sealed, placed.order_id, placed.state,
           placed.reason, placed.changed_at
    FROM scanned
    LEFT JOIN subjects USING (number_hash)
    LEFT JOIN LATERAL (
        SELECT order_id, state, reason, changed_at FROM orders
        WHERE orders.subject_id = subjects.subject_id AND broadcast_id = %(broadcast_id)s
        UNION ALL
        SELECT order_id, state, reason, changed_at FROM orders
        WHERE orders.stranger_hash = scanned.number_hash AND broadcast_id = %(broadcast_id)s
        LIMIT 1
    ) AS placed ON true
    WHERE placed.state = ANY(%(states)s)
       OR %(unplaced)s AND placed.order_id IS NULL AND scanned.no > %(cursor_no)s
    ORDER BY scanned.no LIMIT %(limit)s
), seen AS (
    SELECT max(no) AS last_no, count(*) AS scanned FROM scanned
)
SELECT seen.last_no, seen.scanned, found.* FROM seen LEFT JOIN found ON true ORDER BY found.no
