-- Registrations: counts for the ceilings, the switch, and held requests.

-- name: lock_registrations
-- Until commit: other batches with registrations wait, so that the counts of one are seen by
-- the next. Before the log lock.
SELECT pg_advisory_xact_lock(hashtextextended('scserv registrations', 0))

-- name: find_used
-- A statement of its own after lock_registrations: its snapshot sees what the last holder
-- committed. A count covers 10 seconds; one that lies partly in the time asked for counts whole.
SELECT switch.off,
       ARRAY(SELECT DISTINCT state->>'centre' FROM bind_presence
             WHERE seen_at > now() - interval '1 day' AND state->>'centre' IS NOT NULL),
       counts.centre, coalesce(counts.minute, 0), coalesce(counts.hour, 0)
FROM registration_switch AS switch
LEFT JOIN (
    SELECT centre, sum(sent) AS hour,
           sum(sent) FILTER (WHERE began_at > clock_timestamp() - interval '70 seconds') AS minute
    FROM registration_counts
    WHERE began_at > clock_timestamp() - interval '1 hour 10 seconds'
    GROUP BY centre
) AS counts ON true

-- name: add_counts
-- Ordered, so that two batches don't deadlock.
INSERT INTO registration_counts AS stored (began_at, centre, sent, held)
SELECT date_bin('10 seconds', clock_timestamp(), 'epoch'), centre, sent, held
FROM unnest(%(centres)b::text[], %(sent)b::integer[], %(held)b::integer[])
    AS new (centre, sent, held)
ORDER BY centre
ON CONFLICT (began_at, centre) DO UPDATE
SET sent = stored.sent + excluded.sent, held = stored.held + excluded.held

-- name: sweep_counts
DELETE FROM registration_counts WHERE began_at < clock_timestamp() - interval '2 hours'

-- name: add_held
INSERT INTO held_registrations (request_id, subject_id, centre, bind, reason, held_at, until)
SELECT request_id, subject_id, centre, bind, reason, held_at, until
FROM unnest(%(request_ids)b::uuid[], %(subject_ids)b::uuid[], %(centres)b::text[],
            %(binds)b::text[], %(reasons)b::text[], %(held_at)b::timestamptz[],
            %(until)b::timestamptz[])
    AS new (request_id, subject_id, centre, bind, reason, held_at, until)

-- name: take_named
WITH named AS (
    SELECT request_id FROM held_registrations
    WHERE request_id = ANY(%(request_ids)b::uuid[]) ORDER BY request_id FOR UPDATE
), taken AS (
    DELETE FROM held_registrations AS held USING named
    WHERE held.request_id = named.request_id RETURNING held.*
)
SELECT request_id, subject_id, centre, bind, reason, held_at, until, number_hash
FROM taken LEFT JOIN subjects USING (subject_id) ORDER BY held_at, request_id

-- name: take_all
-- The oldest first; those that another transaction is ending are left to it.
WITH first AS (
    SELECT request_id FROM held_registrations
    WHERE (%(made_by)s::timestamptz IS NULL OR held_at <= %(made_by)s::timestamptz)
      AND (%(expired_by)s::timestamptz IS NULL OR until <= %(expired_by)s::timestamptz)
    ORDER BY until, request_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM held_registrations AS held USING first
    WHERE held.request_id = first.request_id RETURNING held.*
)
SELECT request_id, subject_id, centre, bind, reason, held_at, until, number_hash
FROM taken LEFT JOIN subjects USING (subject_id) ORDER BY held_at, request_id

-- name: drop_held_of
DELETE FROM held_registrations WHERE subject_id = %(subject_id)s

-- name: list_held
SELECT request_id, subject_id, centre, bind, reason, held_at, until
FROM held_registrations ORDER BY held_at, request_id LIMIT %(limit)s

-- name: find_status
SELECT switch.off, switch.changed_at, switch.changed_by, switch.reason,
       (SELECT count(*) FROM held_registrations),
       (SELECT min(until) FROM held_registrations),
       (SELECT coalesce(sum(held), 0) FROM registration_counts
        WHERE began_at > clock_timestamp() - interval '1 hour 10 seconds'),
       (SELECT count(*) FROM clients)
FROM registration_switch AS switch

-- name: set_switch
UPDATE registration_switch
SET off = %(off)s, changed_at = clock_timestamp(), changed_by = %(actor)s, reason = %(reason)s
WHERE off <> %(off)s
