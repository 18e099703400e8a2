-- Queries of the live tables.

-- name: find_request
SELECT request_id, subject_id, command, plan, state, arrived_at, accepted_at, acknowledged_at,
       completed_at, late, centre, bind, trace_id, acknowledgement_id, acknowledgement_outcome,
       acknowledgement_attempt, acknowledgement_fate, fulfilment_id, fulfilment_outcome,
       fulfilment_attempt, fulfilment_fate
FROM projections.requests
WHERE request_id = %(request_id)s

-- name: find_by_message
SELECT request_id, subject_id, command, plan, state, arrived_at, accepted_at, acknowledged_at,
       completed_at, late, centre, bind, trace_id, acknowledgement_id, acknowledgement_outcome,
       acknowledgement_attempt, acknowledgement_fate, fulfilment_id, fulfilment_outcome,
       fulfilment_attempt, fulfilment_fate
FROM projections.requests
WHERE acknowledgement_id = %(message_id)s OR fulfilment_id = %(message_id)s

-- name: find_by_trace
SELECT request_id, subject_id, command, plan, state, arrived_at, accepted_at, acknowledged_at,
       completed_at, late, centre, bind, trace_id, acknowledgement_id, acknowledgement_outcome,
       acknowledgement_attempt, acknowledgement_fate, fulfilment_id, fulfilment_outcome,
       fulfilment_attempt, fulfilment_fate
FROM projections.requests
WHERE trace_id = %(trace_id)s ORDER BY arrived_at, request_id LIMIT %(limit)s

-- name: requests_of
SELECT request_id, subject_id, command, plan, state, arrived_at, accepted_at, acknowledged_at,
       completed_at, late, centre, bind, trace_id, acknowledgement_id, acknowledgement_outcome,
       acknowledgement_attempt, acknowledgement_fate, fulfilment_id, fulfilment_outcome,
       fulfilment_attempt, fulfilment_fate
FROM projections.requests
WHERE subject_id = %(subject_id)s
  AND arrived_at >= coalesce(%(since)s::timestamptz, '-infinity')
  AND arrived_at < coalesce(%(until)s::timestamptz, 'infinity')
  AND (arrived_at, request_id) < (
      coalesce(%(after_at)s::timestamptz, 'infinity'),
      coalesce(%(after_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY arrived_at DESC, request_id DESC LIMIT %(limit)s

-- name: search_requests
SELECT request_id, subject_id, command, plan, state, arrived_at, accepted_at, acknowledged_at,
       completed_at, late, centre, bind, trace_id, acknowledgement_id, acknowledgement_outcome,
       acknowledgement_attempt, acknowledgement_fate, fulfilment_id, fulfilment_outcome,
       fulfilment_attempt, fulfilment_fate
FROM projections.requests
WHERE arrived_at >= coalesce(%(since)s::timestamptz, '-infinity')
  AND arrived_at < coalesce(%(until)s::timestamptz, 'infinity')
  AND (%(command)s::text IS NULL OR command = %(command)s)
  AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(late)s::boolean IS NULL OR late = %(late)s)
  AND (arrived_at, request_id) < (
      coalesce(%(after_at)s::timestamptz, 'infinity'),
      coalesce(%(after_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY arrived_at DESC, request_id DESC LIMIT %(limit)s

-- name: daily
SELECT day, type, command, purpose, outcome, count FROM projections.daily_counts
WHERE day BETWEEN %(since)s AND %(until)s
ORDER BY day, type COLLATE "C", command COLLATE "C", purpose COLLATE "C", outcome COLLATE "C"

-- name: daily_orders
SELECT day, account, kind, outcome, count, parts FROM projections.order_counts
WHERE day BETWEEN %(since)s AND %(until)s
ORDER BY day, account COLLATE "C", kind COLLATE "C", outcome COLLATE "C"

-- name: last_counted_day
-- The last day, up to a given one, on which anything happened; null if nothing ever did.
SELECT greatest(
    (SELECT max(day) FROM projections.daily_counts WHERE day <= %(until)s),
    (SELECT max(day) FROM projections.order_counts WHERE day <= %(until)s))

-- name: counted_until
-- When the oldest event was recorded that daily_counts or order_counts lacks; now if they lack none.
SELECT coalesce(min(missing.recorded_at), clock_timestamp())
FROM projections.progress
LEFT JOIN events AS missing ON missing.position = progress.position + 1
WHERE progress.schema_name = 'projections'
  AND progress.name IN ('daily_counts', 'order_counts')

-- name: minutes_of_requests
-- For each minute and for all of them: how many commands arrived, as far as they were counted, and
-- how long acknowledgements took. One that still waits has taken until now. Only the first rows of a
-- minute are read, by the index, so that a flood costs as much as a busy hour.
WITH minutes AS (
    SELECT generate_series(
        %(since)s::timestamptz, %(until)s::timestamptz - interval '1 minute', interval '1 minute'
    ) AS begins
)
SELECT begins, count(arrived_at),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE place <= %(measured)s),
       percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE place <= %(measured)s)
FROM minutes
LEFT JOIN LATERAL (
    SELECT arrived_at, row_number() OVER (ORDER BY arrived_at, request_id) AS place,
           extract(epoch FROM CASE
               WHEN acknowledged_at IS NOT NULL THEN acknowledged_at
               WHEN coalesce(acknowledgement_outcome, 'resent') = 'resent' THEN %(until)s
           END - arrived_at)::float8 AS seconds
    FROM projections.requests
    WHERE arrived_at >= begins AND arrived_at < begins + interval '1 minute'
    ORDER BY arrived_at, request_id
    LIMIT %(counted)s
) AS found ON true
GROUP BY GROUPING SETS ((begins), ())
ORDER BY begins NULLS LAST
