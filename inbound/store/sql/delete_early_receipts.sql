DELETE FROM early_receipts AS stored
USING unnest(
    %(subject_ids)b::uuid[], %(centres)b::text[], %(smsc_message_ids)b::text[],
    %(states)b::text[]
) AS given (subject_id, centre, smsc_message_id, state)
WHERE stored.subject_id = given.subject_id AND stored.centre = given.centre
  AND stored.smsc_message_id = given.smsc_message_id AND stored.state = given.state
