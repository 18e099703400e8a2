UPDATE requests AS stored
SET state = coalesce(given.state, stored.state),
    acknowledged_at = coalesce(given.acknowledged_at, stored.acknowledged_at),
    completed_at = coalesce(given.completed_at, stored.completed_at),
    late = coalesce(given.late, stored.late),
    acknowledgement_id = coalesce(given.acknowledgement_id, stored.acknowledgement_id),
    acknowledgement_outcome =
        coalesce(given.acknowledgement_outcome, stored.acknowledgement_outcome),
    acknowledgement_attempt =
        coalesce(given.acknowledgement_attempt, stored.acknowledgement_attempt),
    acknowledgement_fate = coalesce(given.acknowledgement_fate, stored.acknowledgement_fate),
    fulfilment_id = coalesce(given.fulfilment_id, stored.fulfilment_id),
    fulfilment_outcome = coalesce(given.fulfilment_outcome, stored.fulfilment_outcome),
    fulfilment_attempt = coalesce(given.fulfilment_attempt, stored.fulfilment_attempt),
    fulfilment_fate = coalesce(given.fulfilment_fate, stored.fulfilment_fate)
FROM incoming_requests AS given
WHERE stored.request_id = given.request_id
