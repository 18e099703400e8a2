INSERT INTO vault (message_id, sealed, expires_at)
SELECT message_id, sealed, expires_at
FROM unnest(%(message_ids)b::uuid[], %(sealed)b::bytea[], %(expires)b::timestamptz[])
    AS new (message_id, sealed, expires_at)
