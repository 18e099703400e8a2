-- The audit trail. The column request_id has the id of a broadcast for actions on broadcasts.

-- name: add_audit
INSERT INTO audit (actor, action, subject_id, request_id, reason)
VALUES (%(actor)s, %(action)s, %(subject_id)s, %(request_id)s, %(reason)s)
RETURNING id, at, actor, action, subject_id,
          CASE WHEN action NOT LIKE 'broadcast.%%' THEN request_id END,
          CASE WHEN action LIKE 'broadcast.%%' THEN request_id END, reason

-- name: add_entries
INSERT INTO audit (actor, action, subject_id, request_id, reason)
SELECT actor, action, subject_id, request_id, reason
FROM unnest(%(actors)s::text[], %(actions)s::text[], %(subject_ids)s::uuid[],
            %(request_ids)s::uuid[], %(reasons)s::text[])
    AS new (actor, action, subject_id, request_id, reason)

-- name: list_audit
-- The newest first; paging by id neither skips nor repeats an entry.
SELECT id, at, actor, action, subject_id,
       CASE WHEN action NOT LIKE 'broadcast.%%' THEN request_id END,
       CASE WHEN action LIKE 'broadcast.%%' THEN request_id END, reason
FROM audit
WHERE (%(before)s::bigint IS NULL OR id < %(before)s::bigint)
  AND (%(since)s::timestamptz IS NULL OR at >= %(since)s::timestamptz)
  AND (%(subject_id)s::uuid IS NULL OR subject_id = %(subject_id)s::uuid)
ORDER BY id DESC
LIMIT %(limit)s

-- name: list_broadcast_audit
-- What was done with a broadcast, in order; without who wrote files about it.
SELECT id, at, actor, action, subject_id, NULL::uuid, request_id, reason
FROM audit
WHERE request_id = %(broadcast_id)s AND action LIKE 'broadcast.%%'
  AND action NOT IN ('broadcast.excluded', 'broadcast.recipients')
ORDER BY id LIMIT %(limit)s
