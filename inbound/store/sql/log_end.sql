-- A statement of its own after lock_log: its snapshot sees what the last holder committed.
-- The clock of the server may be set back; the time of the log never goes back.
SELECT coalesce(last.position, 0),
       greatest(clock_timestamp(), last.recorded_at),
       heads.positions,
       heads.digests
FROM log_heads AS heads
LEFT JOIN (
    SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1
) AS last ON true
