-- What receipts have said so far of the parts of some messages of one subject.
SELECT message_id, part, parts, state, final, error, done_at
FROM smsc_messages
WHERE subject_id = %(subject_id)s AND message_id = ANY(%(message_ids)s)
ORDER BY message_id, part
