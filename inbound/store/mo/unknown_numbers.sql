-- Commands of numbers that are no client's: counts for their ceilings.

-- name: lock_unknown_numbers
-- Until commit: other batches with such commands wait. Before subjects are locked.
SELECT pg_advisory_xact_lock(hashtextextended('scserv unknown numbers', 0))

-- name: find_used
-- A count covers 10 seconds; one that lies partly in the time asked for counts whole.
SELECT ARRAY(SELECT DISTINCT state->>'centre' FROM bind_presence
             WHERE seen_at > now() - interval '1 day' AND state->>'centre' IS NOT NULL),
       counts.centre, coalesce(counts.minute, 0), coalesce(counts.hour, 0)
FROM (VALUES (true)) AS always
LEFT JOIN (
    SELECT centre, sum(accepted) AS hour,
           sum(accepted) FILTER (WHERE began_at > clock_timestamp() - interval '70 seconds')
               AS minute
    FROM unknown_number_counts
    WHERE began_at > clock_timestamp() - interval '1 hour 10 seconds'
    GROUP BY centre
) AS counts ON true

-- name: add_counts
-- Ordered, so that two batches don't deadlock.
INSERT INTO unknown_number_counts AS stored (began_at, centre, accepted)
SELECT date_bin('10 seconds', clock_timestamp(), 'epoch'), centre, accepted
FROM unnest(%(centres)b::text[], %(accepted)b::integer[]) AS new (centre, accepted)
ORDER BY centre
ON CONFLICT (began_at, centre) DO UPDATE SET accepted = stored.accepted + excluded.accepted

-- name: sweep_counts
DELETE FROM unknown_number_counts WHERE began_at < clock_timestamp() - interval '2 hours'
