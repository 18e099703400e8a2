-- name: claims_of
SELECT message_id, attempt, gateway, claimed_at
FROM mt_claims WHERE message_id = ANY(%(message_ids)s)

-- name: sent_part_statuses
SELECT message_id, part, parts, state, final, error, done_at
FROM smsc_messages
WHERE subject_id = %(subject_id)s AND message_id = ANY(%(message_ids)s)
ORDER BY message_id, part
