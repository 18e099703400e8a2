-- A statement of its own after lock_log: its snapshot sees what the last holder committed.
SELECT coalesce(max(position), 0) FROM events
