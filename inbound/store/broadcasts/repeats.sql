-- Broadcasts and actions that are repeated with an idempotency key.

-- name: lock_broadcast_id
-- Until commit nobody else creates a broadcast with this id.
SELECT pg_advisory_xact_lock(hashtextextended('scserv broadcast ' || %(broadcast_id)s::text, 0))

-- name: find_content_digest
SELECT content_digest FROM broadcasts WHERE broadcast_id = %(broadcast_id)s

-- name: find_action
SELECT action, starts_at FROM broadcast_action_keys
WHERE broadcast_id = %(broadcast_id)s AND key_digest = %(key_digest)s

-- name: insert_action
INSERT INTO broadcast_action_keys (broadcast_id, key_digest, action, starts_at)
VALUES (%(broadcast_id)s, %(key_digest)s, %(action)s, %(starts_at)s)

-- name: sweep_actions
DELETE FROM broadcast_action_keys WHERE done_at < %(before)s
