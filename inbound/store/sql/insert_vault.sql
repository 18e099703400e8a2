INSERT INTO vault (message_id, sealed, expires_at)
SELECT message_id, sealed, expires_at
FROM unnest(%(message_ids)s::uuid[], %(sealed)s::bytea[], %(expires)s::timestamptz[])
    AS new (message_id, sealed, expires_at)
