SELECT subject_id, centre, smsc_message_id, state, receipt, arrived_at
FROM early_receipts WHERE subject_id = ANY(%(subject_ids)b::uuid[])
ORDER BY arrived_at
