-- The retention sweep: deletes data past its retention time.

-- name: maintain_outbox
SELECT created, dropped
FROM maintain_outbox(%(retention_days)s::integer, %(days_ahead)s::integer)

-- name: sweep_vault
DELETE FROM vault WHERE expires_at <= %(now)s

-- name: sweep_order_contents
DELETE FROM order_contents WHERE delete_at <= %(now)s

-- name: sweep_orders
-- Ended orders: the log keeps their events.
DELETE FROM orders
WHERE changed_at < %(before)s AND state NOT IN ('scheduled', 'queued')

-- name: sweep_audiences
-- Audiences and texts of broadcasts that ended long ago, or were never started or resumed.
WITH ended AS (
    UPDATE broadcasts
    SET audience_deleted_at = %(now)s, text_sealed = NULL,
        state = CASE WHEN ended_at IS NULL THEN 'cancelled' ELSE state END,
        ended_at = coalesce(ended_at, %(now)s)
    WHERE audience_deleted_at IS NULL
      AND (ended_at < %(before)s
           OR state IN ('draft', 'awaiting_approval', 'paused') AND created_at < %(before)s)
    RETURNING broadcast_id
), excluded AS (
    DELETE FROM broadcast_exclusions USING ended
    WHERE broadcast_exclusions.broadcast_id = ended.broadcast_id
)
DELETE FROM broadcast_recipients USING ended
WHERE broadcast_recipients.broadcast_id = ended.broadcast_id

-- name: sweep_usage
-- Counters of periods that are over for every time zone, months after the others.
DELETE FROM account_usage
WHERE period < 'd' || %(day)s AND period LIKE 'd%%'
   OR period < 'm' || %(month)s AND period LIKE 'm%%'
   OR period < 'w' || %(week)s AND period LIKE 'w%%'

-- name: sweep_parts
-- Parts of incomplete and of whole messages. With `note` each incomplete message counts as a
-- rejected MO, because its sender waits for an answer: one row per number and minute. By the time
-- they were stored: a part that waited in Kafka still waits for the others, which are behind it.
WITH gone AS (
    DELETE FROM mo_parts WHERE stored_at < %(before)s
    RETURNING number_hash, centre, destination, reference, total, received_at, whole
), texts AS (
    SELECT number_hash, min(received_at) AS first_at, max(received_at) AS last_at
    FROM gone GROUP BY number_hash, centre, destination, reference, total
    HAVING NOT bool_or(whole)
), noted AS (
    INSERT INTO rejected_mos AS stored (number_hash, minute, kind, first_at, last_at, count)
    SELECT number_hash, date_trunc('minute', first_at), 'incomplete',
           min(first_at), max(last_at), count(*)
    FROM texts WHERE %(note)s
    GROUP BY number_hash, date_trunc('minute', first_at)
    LIMIT %(per_hour)s
    ON CONFLICT (number_hash, minute, kind) DO UPDATE
    SET last_at = greatest(stored.last_at, excluded.last_at),
        count = stored.count + excluded.count
)
SELECT count(*) FROM gone WHERE NOT whole

-- name: sweep_rejected_mos
DELETE FROM rejected_mos WHERE minute < %(before)s

-- name: sweep_inbox
DELETE FROM inbox WHERE received_at < %(before)s

-- name: sweep_claims
DELETE FROM mt_claims WHERE claimed_at < %(before)s

-- name: sweep_binds
DELETE FROM bind_presence WHERE seen_at < %(before)s

-- name: sweep_sent_parts
DELETE FROM smsc_messages WHERE submitted_at < %(before)s

-- name: sweep_early_receipts
DELETE FROM early_receipts WHERE arrived_at < %(before)s
