-- Broadcasts and their progress.

-- name: insert_broadcast
INSERT INTO broadcasts (
    broadcast_id, state, created_at, name, account, text_sealed, template, template_version,
    sender, hours, is_spread, rate_per_s, columns, recipients, excluded, created_by, parts,
    most_parts, content_digest, column_order, separator
)
VALUES (
    %(broadcast_id)s, 'draft', %(created_at)s, %(name)s, %(account)s, %(text_sealed)s,
    %(template)s, %(template_version)s, %(sender)s, %(hours)s::json, %(is_spread)s,
    %(rate_per_s)s, %(columns)s, %(recipients)s, %(excluded)s::json, %(created_by)s, %(parts)s,
    %(most_parts)s, %(content_digest)s, %(column_order)s, %(separator)s
)

-- name: find_broadcast
SELECT broadcast_id, name, broadcasts.account, state, recipients, created_by, hours::text, starts_at,
       began_at, started_by, approved_by, needs_confirmation, broadcasts.created_at, template,
       template_version, sender, is_spread, broadcasts.rate_per_s, columns, excluded::text,
       cursor_no, ended_at, problem, audience_deleted_at, text_sealed, accounts.rate_per_s,
       coalesce(accounts.enabled, false), parts, most_parts, column_order,
       separator
FROM broadcasts LEFT JOIN accounts USING (account)
WHERE broadcast_id = %(broadcast_id)s

-- name: lock_broadcast
-- The pump, and others that change this broadcast, wait until commit.
SELECT FROM broadcasts WHERE broadcast_id = %(broadcast_id)s FOR NO KEY UPDATE

-- name: list_broadcasts
-- The newest first.
SELECT broadcast_id, name, broadcasts.account, state, recipients, created_by, hours::text, starts_at,
       began_at, started_by, approved_by, needs_confirmation, broadcasts.created_at, template,
       template_version, sender, is_spread, broadcasts.rate_per_s, columns, excluded::text,
       cursor_no, ended_at, problem, audience_deleted_at, text_sealed, accounts.rate_per_s,
       coalesce(accounts.enabled, false), parts, most_parts, column_order,
       separator
FROM broadcasts LEFT JOIN accounts USING (account)
WHERE (%(account)s::text IS NULL OR broadcasts.account = %(account)s)
  AND (%(behind)s::uuid IS NULL
       OR (broadcasts.created_at, broadcast_id)
          < (SELECT created_at, broadcast_id FROM broadcasts WHERE broadcast_id = %(behind)s))
ORDER BY broadcasts.created_at DESC, broadcast_id DESC LIMIT %(limit)s

-- name: search_broadcasts
-- By its id, or by a part of its name in either case; the newest first. There are few broadcasts.
SELECT broadcast_id, name FROM broadcasts
WHERE broadcast_id::text = lower(%(text)s) OR position(lower(%(text)s) IN lower(name)) > 0
ORDER BY created_at DESC, broadcast_id LIMIT %(limit)s

-- name: find_broadcasts_at_work
SELECT broadcast_id, name, broadcasts.account, state, recipients, created_by, hours::text, starts_at,
       began_at, started_by, approved_by, needs_confirmation, broadcasts.created_at, template,
       template_version, sender, is_spread, broadcasts.rate_per_s, columns, excluded::text,
       cursor_no, ended_at, problem, audience_deleted_at, text_sealed, accounts.rate_per_s,
       coalesce(accounts.enabled, false), parts, most_parts, column_order,
       separator
FROM broadcasts LEFT JOIN accounts USING (account)
WHERE state IN ('scheduled', 'running') OR state = 'cancelled' AND ended_at IS NULL
ORDER BY began_at, broadcasts.created_at, broadcast_id

-- name: change_broadcast
UPDATE broadcasts
SET state = %(state)s, starts_at = %(starts_at)s, began_at = %(began_at)s,
    started_by = %(started_by)s, approved_by = %(approved_by)s,
    needs_confirmation = %(needs_confirmation)s, ended_at = %(ended_at)s, problem = %(problem)s
WHERE broadcast_id = %(broadcast_id)s

-- name: delete_draft
-- A draft that was never started, with its audience: no order can be of it.
WITH deleted AS (
    DELETE FROM broadcasts
    WHERE broadcast_id = %(broadcast_id)s AND state = 'draft' AND started_by IS NULL
    RETURNING broadcast_id
), recipients AS (
    DELETE FROM broadcast_recipients USING deleted
    WHERE broadcast_recipients.broadcast_id = deleted.broadcast_id
), exclusions AS (
    DELETE FROM broadcast_exclusions USING deleted
    WHERE broadcast_exclusions.broadcast_id = deleted.broadcast_id
), keys AS (
    DELETE FROM broadcast_action_keys USING deleted
    WHERE broadcast_action_keys.broadcast_id = deleted.broadcast_id
)
SELECT FROM deleted

-- name: find_progress
SELECT broadcast_id, state, reason, sum(recipients)::bigint, count(*) FROM broadcast_progress
WHERE broadcast_id = ANY(%(broadcast_ids)s::uuid[])
GROUP BY broadcast_id, state, reason

-- name: sum_up_progress
-- Replaces the rows by their sums. Rows that another transaction adds meanwhile stay.
WITH gone AS (
    DELETE FROM broadcast_progress WHERE broadcast_id = %(broadcast_id)s
    RETURNING state, reason, recipients
)
INSERT INTO broadcast_progress (broadcast_id, state, reason, recipients)
SELECT %(broadcast_id)s, state, reason, sum(recipients) FROM gone
GROUP BY state, reason HAVING sum(recipients) <> 0

-- name: read_cursor
-- A statement of its own after lock_broadcast: it sees what the last holder committed. With the
-- cursor the recipients that are still there, as people may have been erased meanwhile.
SELECT state, cursor_no,
       (SELECT count(*) FROM broadcast_recipients AS next
        WHERE next.broadcast_id = broadcasts.broadcast_id
          AND next.no > broadcasts.cursor_no AND next.no <= %(until)s)
FROM broadcasts WHERE broadcast_id = %(broadcast_id)s

-- name: move_cursors
UPDATE broadcasts SET cursor_no = given.no
FROM unnest(%(broadcast_ids)b::uuid[], %(nos)b::integer[]) AS given (broadcast_id, no)
WHERE broadcasts.broadcast_id = given.broadcast_id

-- name: find_recipients
SELECT no, number_hash, number_sealed, fields_sealed FROM broadcast_recipients
WHERE broadcast_id = %(broadcast_id)s AND no > %(after)s ORDER BY no LIMIT %(limit)s

-- name: release_held_orders
-- Messages that came back while the broadcast was paused are due again.
UPDATE orders SET due_at = now()
WHERE broadcast_id = %(broadcast_id)s AND state = 'scheduled' AND due_at IS NULL
  AND EXISTS (SELECT FROM broadcasts
              WHERE broadcast_id = %(broadcast_id)s AND state = 'running')

-- name: find_scheduled_orders
SELECT order_id FROM orders
WHERE broadcast_id = %(broadcast_id)s AND state = 'scheduled' LIMIT %(limit)s

-- name: try_lock_pump
-- A session lock: it ends with the connection, however the process ends.
SELECT pg_try_advisory_lock(hashtext('scserv broadcasts'))
