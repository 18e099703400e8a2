SELECT position, shard, topic, key, event_id, type, headers, value, created_at
FROM outbox WHERE shard = %(shard)s AND position > %(after)s ORDER BY position LIMIT %(limit)s
