-- A cursor never goes back: a relay that lost its lock and wakes up late changes nothing.
INSERT INTO outbox_cursors (feed, shard, position)
VALUES (%(feed)s, %(shard)s, %(position)s)
ON CONFLICT (feed, shard) DO UPDATE SET position = excluded.position
WHERE outbox_cursors.position < excluded.position
