SELECT request_id, subject_id, command, plan, state, arrived_at, accepted_at, acknowledged_at,
       completed_at, late, centre, bind, trace_id, acknowledgement_id, acknowledgement_outcome,
       acknowledgement_attempt, acknowledgement_fate, fulfilment_id, fulfilment_outcome,
       fulfilment_attempt, fulfilment_fate
FROM projections.requests
WHERE acknowledgement_id = %(message_id)s OR fulfilment_id = %(message_id)s
