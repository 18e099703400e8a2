CREATE TEMPORARY TABLE IF NOT EXISTS incoming_daily_counts (
    day     date   NOT NULL,
    type    text   NOT NULL,
    command text   NOT NULL,
    purpose text   NOT NULL,
    outcome text   NOT NULL,
    count   bigint NOT NULL
) ON COMMIT DELETE ROWS
