COPY requests (
    request_id, subject_id, command, plan, confirm, state, arrived_at, accepted_at,
    acknowledged_at, completed_at, late, centre, bind, trace_id, acknowledgement_id,
    acknowledgement_outcome, acknowledgement_attempt, acknowledgement_fate, fulfilment_id,
    fulfilment_outcome, fulfilment_attempt, fulfilment_fate
) FROM STDIN
