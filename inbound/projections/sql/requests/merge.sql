-- A message whose outcome is open has none, or one that is sent again; the first other one
-- stays. What is final of the request stays too.
UPDATE requests AS stored
SET state = CASE
        WHEN stored.completed_at IS NOT NULL THEN stored.state
        WHEN given.completion IS NOT NULL THEN given.completion
        WHEN given.acknowledgement_outcome = 'submitted'
            AND coalesce(stored.acknowledgement_outcome, 'resent') = 'resent' THEN 'acknowledged'
        ELSE stored.state
    END,
    acknowledged_at = CASE coalesce(stored.acknowledgement_outcome, 'resent')
        WHEN 'resent' THEN given.acknowledged_at ELSE stored.acknowledged_at END,
    completed_at = coalesce(stored.completed_at, given.completed_at),
    late = coalesce(given.late, stored.late),
    acknowledgement_id = CASE coalesce(stored.acknowledgement_outcome, 'resent')
        WHEN 'resent' THEN coalesce(given.acknowledgement_id, stored.acknowledgement_id)
        ELSE stored.acknowledgement_id END,
    acknowledgement_outcome = CASE coalesce(stored.acknowledgement_outcome, 'resent')
        WHEN 'resent' THEN coalesce(given.acknowledgement_outcome, stored.acknowledgement_outcome)
        ELSE stored.acknowledgement_outcome END,
    acknowledgement_attempt = CASE coalesce(stored.acknowledgement_outcome, 'resent')
        WHEN 'resent' THEN coalesce(given.acknowledgement_attempt, stored.acknowledgement_attempt)
        ELSE stored.acknowledgement_attempt END,
    acknowledgement_fate = coalesce(given.acknowledgement_fate, stored.acknowledgement_fate),
    fulfilment_id = CASE coalesce(stored.fulfilment_outcome, 'resent')
        WHEN 'resent' THEN coalesce(given.fulfilment_id, stored.fulfilment_id)
        ELSE stored.fulfilment_id END,
    fulfilment_outcome = CASE coalesce(stored.fulfilment_outcome, 'resent')
        WHEN 'resent' THEN coalesce(given.fulfilment_outcome, stored.fulfilment_outcome)
        ELSE stored.fulfilment_outcome END,
    fulfilment_attempt = CASE coalesce(stored.fulfilment_outcome, 'resent')
        WHEN 'resent' THEN coalesce(given.fulfilment_attempt, stored.fulfilment_attempt)
        ELSE stored.fulfilment_attempt END,
    fulfilment_fate = coalesce(given.fulfilment_fate, stored.fulfilment_fate)
FROM incoming_requests AS given
WHERE stored.request_id = given.request_id
