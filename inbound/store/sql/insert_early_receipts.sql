-- A receipt that comes again is the same: once is enough.
INSERT INTO early_receipts (subject_id, centre, smsc_message_id, state, receipt, arrived_at)
SELECT subject_id, centre, smsc_message_id, state, receipt::json, arrived_at
FROM unnest(
    %(subject_ids)b::uuid[], %(centres)b::text[], %(smsc_message_ids)b::text[],
    %(states)b::text[], %(receipts)b::text[], %(arrived)b::timestamptz[]
) AS new (subject_id, centre, smsc_message_id, state, receipt, arrived_at)
ON CONFLICT DO NOTHING
