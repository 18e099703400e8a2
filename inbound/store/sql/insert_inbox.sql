INSERT INTO inbox (mo_id, received_at)
SELECT mo_id, received_at
FROM unnest(%(mo_ids)b::uuid[], %(received)b::timestamptz[]) AS new (mo_id, received_at)
ORDER BY mo_id
