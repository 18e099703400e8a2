-- One row for each day, account, kind and outcome of orders.

-- name: create
CREATE TABLE order_counts (
    day     date   NOT NULL,
    account text   NOT NULL,
    kind    text   NOT NULL,
    outcome text   NOT NULL,
    count   bigint NOT NULL,
    parts   bigint NOT NULL,
    CONSTRAINT order_counts_pkey PRIMARY KEY (day, account, kind, outcome)
) WITH (fillfactor = 50)

-- name: analyze
ANALYZE order_counts

-- name: create_incoming
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_order_counts (
    day     date   NOT NULL,
    account text   NOT NULL,
    kind    text   NOT NULL,
    outcome text   NOT NULL,
    count   bigint NOT NULL,
    parts   bigint NOT NULL
) ON COMMIT DELETE ROWS

-- name: copy_incoming
COPY incoming_order_counts (day, account, kind, outcome, count, parts) FROM STDIN

-- name: merge
INSERT INTO order_counts AS stored (day, account, kind, outcome, count, parts)
SELECT day, account, kind, outcome, count, parts FROM incoming_order_counts
ON CONFLICT (day, account, kind, outcome) DO UPDATE
SET count = stored.count + excluded.count, parts = stored.parts + excluded.parts

-- name: count
SELECT count(*) FROM order_counts

-- name: dump
COPY (
    SELECT day, account, kind, outcome, count, parts
    FROM order_counts
    ORDER BY day, account COLLATE "C", kind COLLATE "C", outcome COLLATE "C"
) TO STDOUT

-- name: lock_live
-- Before the snapshot: no rebuild can swap the table while it is read.
LOCK TABLE projections.order_counts IN ACCESS SHARE MODE

-- name: drop
DROP TABLE IF EXISTS order_counts

-- name: drop_live
DROP TABLE IF EXISTS projections.order_counts

-- name: move_to_live
ALTER TABLE order_counts SET SCHEMA projections
