-- The position is the column's default, taken under the log lock.
COPY outbox (shard, topic, key, event_id, type, headers, value)
FROM STDIN (FORMAT binary)
