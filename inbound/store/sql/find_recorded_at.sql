SELECT recorded_at FROM events WHERE position >= %(position)s ORDER BY position LIMIT 1
