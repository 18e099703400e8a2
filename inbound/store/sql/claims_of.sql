SELECT message_id, attempt, gateway, claimed_at
FROM mt_claims WHERE message_id = ANY(%(message_ids)s)
