-- One row for each day and kind of event.

-- name: create
CREATE TABLE daily_counts (
    day     date   NOT NULL,
    type    text   NOT NULL,
    command text   NOT NULL,
    purpose text   NOT NULL,
    outcome text   NOT NULL,
    count   bigint NOT NULL,
    CONSTRAINT daily_counts_pkey PRIMARY KEY (day, type, command, purpose, outcome)
) WITH (fillfactor = 50)

-- name: analyze
ANALYZE daily_counts

-- name: create_incoming
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_daily_counts (
    day     date   NOT NULL,
    type    text   NOT NULL,
    command text   NOT NULL,
    purpose text   NOT NULL,
    outcome text   NOT NULL,
    count   bigint NOT NULL
) ON COMMIT DELETE ROWS

-- name: copy_incoming
COPY incoming_daily_counts (day, type, command, purpose, outcome, count) FROM STDIN

-- name: merge
INSERT INTO daily_counts AS stored (day, type, command, purpose, outcome, count)
SELECT day, type, command, purpose, outcome, count FROM incoming_daily_counts
ON CONFLICT (day, type, command, purpose, outcome) DO UPDATE
SET count = stored.count + excluded.count

-- name: count
SELECT count(*) FROM daily_counts

-- name: dump
COPY (
    SELECT day, type, command, purpose, outcome, count
    FROM daily_counts
    ORDER BY day, type COLLATE "C", command COLLATE "C", purpose COLLATE "C", outcome COLLATE "C"
) TO STDOUT

-- name: lock_live
-- Before the snapshot: no rebuild can swap the table while it is read.
LOCK TABLE projections.daily_counts IN ACCESS SHARE MODE

-- name: drop
DROP TABLE IF EXISTS daily_counts

-- name: drop_live
DROP TABLE IF EXISTS projections.daily_counts

-- name: move_to_live
ALTER TABLE daily_counts SET SCHEMA projections
