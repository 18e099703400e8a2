COPY incoming_requests (
    request_id, completion, acknowledged_at, completed_at, late, acknowledgement_id,
    acknowledgement_outcome, acknowledgement_attempt, acknowledgement_fate, fulfilment_id,
    fulfilment_outcome, fulfilment_attempt, fulfilment_fate
) FROM STDIN
