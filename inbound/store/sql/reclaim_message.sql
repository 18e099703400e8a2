WITH claimed AS (
    INSERT INTO mt_claims (message_id, attempt, gateway)
    VALUES (%(message_id)s, 1, %(gateway)s)
    ON CONFLICT (message_id) DO UPDATE
    SET attempt = mt_claims.attempt + 1, gateway = excluded.gateway, claimed_at = now()
    RETURNING message_id, attempt
)
SELECT claimed.message_id, given.subject_id, claimed.attempt = 1 AS first, claimed.attempt,
       0::float AS age_s,
       subjects.number_sealed, vault.sealed
FROM claimed
CROSS JOIN (SELECT %(subject_id)s::uuid AS subject_id) AS given
LEFT JOIN subjects USING (subject_id)
LEFT JOIN vault USING (message_id)
