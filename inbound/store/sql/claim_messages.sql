-- The gateway says "I send this now" before it does, and gets what it needs for it. Of two
-- claims of a message one is first, also when both are in this batch.
WITH given AS (
    SELECT message_id, subject_id, place,
           row_number() OVER (PARTITION BY message_id ORDER BY place) = 1 AS foremost
    FROM unnest(%(message_ids)b::uuid[], %(subject_ids)b::uuid[])
        WITH ORDINALITY AS given (message_id, subject_id, place)
), claimed AS (
    INSERT INTO mt_claims (message_id, attempt, gateway)
    SELECT message_id, 1, %(gateway)s FROM given WHERE foremost ORDER BY message_id
    ON CONFLICT (message_id) DO NOTHING
    RETURNING message_id
)
SELECT given.message_id, given.subject_id,
       given.foremost AND claimed.message_id IS NOT NULL AS first,
       coalesce(before.attempt, 1) AS attempt,
       coalesce(extract(epoch FROM now() - before.claimed_at), 0)::float AS age_s,
       subjects.number_sealed, vault.sealed
FROM given
LEFT JOIN claimed USING (message_id)
LEFT JOIN mt_claims AS before USING (message_id)
LEFT JOIN subjects USING (subject_id)
LEFT JOIN vault USING (message_id)
ORDER BY given.place
