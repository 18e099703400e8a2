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
