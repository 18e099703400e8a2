INSERT INTO daily_counts AS stored (day, type, command, purpose, outcome, count)
SELECT day, type, command, purpose, outcome, count FROM incoming_daily_counts
ON CONFLICT (day, type, command, purpose, outcome) DO UPDATE
SET count = stored.count + excluded.count
