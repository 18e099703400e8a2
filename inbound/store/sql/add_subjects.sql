-- A number that another transaction adds at this moment is waited for and then left alone.
-- Ordered, so that two batches with the same numbers never wait for each other in a circle.
INSERT INTO subjects (subject_id, number_hash, number_sealed)
SELECT subject_id, number_hash, number_sealed
FROM unnest(%(subject_ids)b::uuid[], %(hashes)b::bytea[], %(sealed)b::bytea[])
    AS new (subject_id, number_hash, number_sealed)
ORDER BY number_hash
ON CONFLICT (number_hash) DO NOTHING
