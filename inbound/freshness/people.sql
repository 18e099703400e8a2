-- What answers about people may lack.

-- name: oldest_set_aside
-- When the oldest dead letter of each of these numbers was stored.
SELECT number_hash, min(stored_at)
FROM dead_letters WHERE number_hash = ANY(%(hashes)b::bytea[])
GROUP BY number_hash
