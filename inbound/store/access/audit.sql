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

-- name: search_audit
-- The newest first, before a place: a time and an id. Four statements, so that each has its index.
SELECT id, at, actor, action, subject_id,
       CASE WHEN action NOT LIKE 'broadcast.%%' THEN request_id END,
       CASE WHEN action LIKE 'broadcast.%%' THEN request_id END, reason
FROM audit
WHERE (at, id) < (%(before)s::timestamptz, %(before_id)s::bigint) AND at >= %(since)s::timestamptz
ORDER BY at DESC, id DESC LIMIT %(limit)s

-- name: search_audit_of_actor
SELECT id, at, actor, action, subject_id,
       CASE WHEN action NOT LIKE 'broadcast.%%' THEN request_id END,
       CASE WHEN action LIKE 'broadcast.%%' THEN request_id END, reason
FROM audit
WHERE actor = %(actor)s
  AND (at, id) < (%(before)s::timestamptz, %(before_id)s::bigint) AND at >= %(since)s::timestamptz
ORDER BY at DESC, id DESC LIMIT %(limit)s

-- name: search_audit_of_both
SELECT id, at, actor, action, subject_id,
       CASE WHEN action NOT LIKE 'broadcast.%%' THEN request_id END,
       CASE WHEN action LIKE 'broadcast.%%' THEN request_id END, reason
FROM audit
WHERE actor = %(actor)s AND action = %(action)s
  AND (at, id) < (%(before)s::timestamptz, %(before_id)s::bigint) AND at >= %(since)s::timestamptz
ORDER BY at DESC, id DESC LIMIT %(limit)s

-- name: search_audit_of_action
SELECT id, at, actor, action, subject_id,
       CASE WHEN action NOT LIKE 'broadcast.%%' THEN request_id END,
       CASE WHEN action LIKE 'broadcast.%%' THEN request_id END, reason
FROM audit
WHERE action = %(action)s
  AND (at, id) < (%(before)s::timestamptz, %(before_id)s::bigint) AND at >= %(since)s::timestamptz
ORDER BY at DESC, id DESC LIMIT %(limit)s

-- name: list_actors
-- Jumps from actor to actor in the index, however many entries each has.
WITH RECURSIVE found (actor) AS (
    (SELECT actor FROM audit ORDER BY actor LIMIT 1)
    UNION ALL
    SELECT (SELECT audit.actor FROM audit WHERE audit.actor > found.actor
            ORDER BY audit.actor LIMIT 1)
    FROM found WHERE found.actor IS NOT NULL
)
SELECT actor FROM found WHERE actor IS NOT NULL LIMIT %(limit)s

-- name: list_actions
WITH RECURSIVE found (action) AS (
    (SELECT action FROM audit ORDER BY action LIMIT 1)
    UNION ALL
    SELECT (SELECT audit.action FROM audit WHERE audit.action > found.action
            ORDER BY audit.action LIMIT 1)
    FROM found WHERE found.action IS NOT NULL
)
SELECT action FROM found WHERE action IS NOT NULL LIMIT %(limit)s
