CREATE TEMPORARY TABLE IF NOT EXISTS incoming_requests (
    request_id              uuid NOT NULL,
    completion              text,
    acknowledged_at         timestamptz,
    completed_at            timestamptz,
    late                    boolean,
    acknowledgement_id      uuid,
    acknowledgement_outcome text,
    acknowledgement_attempt smallint,
    acknowledgement_fate    text,
    fulfilment_id           uuid,
    fulfilment_outcome      text,
    fulfilment_attempt      smallint,
    fulfilment_fate         text
) ON COMMIT DELETE ROWS
