-- Event positions have no gaps, so the distance is the count.
SELECT coalesce((SELECT max(position) FROM events), 0)
     - coalesce((SELECT position FROM outbox_cursors WHERE feed = 'events' AND shard = 0), 0)
