-- Claims of messages, and the vault with the secrets that messages need.

-- name: claim_messages
-- Claims messages before they are sent, and returns their sealed numbers and secrets. Of two
-- claims of a message one is the first, even when both are in this batch.
WITH given AS (
    SELECT message_id, subject_id, order_id, consent_needed, ordinal,
           row_number() OVER (PARTITION BY message_id ORDER BY ordinal) = 1 AS foremost
    FROM unnest(
        %(message_ids)b::uuid[], %(subject_ids)b::uuid[], %(order_ids)b::uuid[],
        %(consent)b::boolean[]
    ) WITH ORDINALITY AS given (message_id, subject_id, order_id, consent_needed, ordinal)
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
       subjects.number_sealed, vault.sealed, before.result::text, given.order_id,
       order_contents.sealed,
       withheld_reason(given.order_id, given.subject_id, given.consent_needed),
       order_contents.address
FROM given
LEFT JOIN claimed USING (message_id)
LEFT JOIN mt_claims AS before USING (message_id)
LEFT JOIN subjects USING (subject_id)
LEFT JOIN vault USING (message_id)
LEFT JOIN order_contents ON order_contents.order_id = given.order_id
ORDER BY given.ordinal

-- name: find_withheld
SELECT withheld_reason(order_id, subject_id, consent_needed)
FROM unnest(%(subject_ids)b::uuid[], %(order_ids)b::uuid[], %(consent)b::boolean[])
    WITH ORDINALITY AS given (subject_id, order_id, consent_needed, ordinal)
ORDER BY ordinal

-- name: reclaim_message
-- Claims the next attempt; returns no row if a final result was recorded or the message has had
-- all attempts of this hour.
WITH claimed AS (
    INSERT INTO mt_claims (message_id, attempt, gateway)
    VALUES (%(message_id)s, 1, %(gateway)s)
    ON CONFLICT (message_id) DO UPDATE
    SET attempt = mt_claims.attempt + 1, gateway = excluded.gateway, claimed_at = now(),
        hour_began = CASE WHEN mt_claims.hour_began > now() - interval '1 hour'
                          THEN mt_claims.hour_began ELSE now() END,
        hour_attempts = CASE WHEN mt_claims.hour_began > now() - interval '1 hour'
                             THEN mt_claims.hour_attempts + 1 ELSE 1 END
    WHERE mt_claims.result IS NULL
      AND (mt_claims.hour_attempts < %(per_hour)s
           OR mt_claims.hour_began <= now() - interval '1 hour')
    RETURNING message_id, attempt
)
SELECT claimed.message_id, given.subject_id, claimed.attempt = 1 AS first, claimed.attempt,
       0::float AS age_s,
       subjects.number_sealed, vault.sealed, NULL AS result, given.order_id,
       order_contents.sealed,
       withheld_reason(given.order_id, given.subject_id, given.consent_needed),
       order_contents.address
FROM claimed
CROSS JOIN (
    SELECT %(subject_id)s::uuid AS subject_id, %(order_id)s::uuid AS order_id,
           %(consent_needed)s::boolean AS consent_needed
) AS given
LEFT JOIN subjects USING (subject_id)
LEFT JOIN vault USING (message_id)
LEFT JOIN order_contents ON order_contents.order_id = given.order_id

-- name: release_claims
-- Deletes claims of messages that were not sent. A second attempt stays claimed, because the
-- first has an unknown outcome.
DELETE FROM mt_claims
WHERE message_id = ANY(%(message_ids)b::uuid[]) AND gateway = %(gateway)s AND attempt = 1

-- name: record_results
-- Records the final results of attempts. The first one recorded for an attempt stays, and one of
-- an earlier attempt than the claimed one is left to Kafka.
UPDATE mt_claims SET result = given.result::json
FROM unnest(%(message_ids)b::uuid[], %(attempts)b::integer[], %(results)b::text[])
    AS given (message_id, attempt, result)
WHERE mt_claims.message_id = given.message_id AND mt_claims.attempt = given.attempt
  AND mt_claims.result IS NULL

-- name: recorded_result
SELECT result::text FROM mt_claims WHERE message_id = %(message_id)s AND result IS NOT NULL

-- name: insert_vault
INSERT INTO vault (message_id, sealed, expires_at)
SELECT message_id, sealed, expires_at
FROM unnest(%(message_ids)b::uuid[], %(sealed)b::bytea[], %(expires)b::timestamptz[])
    AS new (message_id, sealed, expires_at)

-- name: erase_vault
DELETE FROM vault WHERE message_id = ANY(%(message_ids)b::uuid[])
