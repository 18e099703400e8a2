-- Parts of a centre's messages whose receipts are overdue, each asked after by one gateway at
-- a time and again only after as long. It reads the whole table: not more than once a minute.
WITH overdue AS (
    SELECT subject_id, message_id, part
    FROM smsc_messages
    WHERE centre = %(centre)s AND NOT final AND submitted_at < %(before)s
      AND submitted_at > %(not_before)s
      AND (queried_at IS NULL OR queried_at < %(before)s)
    ORDER BY submitted_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE smsc_messages AS part SET queried_at = %(now)s
FROM overdue JOIN subjects USING (subject_id)
WHERE part.subject_id = overdue.subject_id AND part.message_id = overdue.message_id
  AND part.part = overdue.part
RETURNING encode(subjects.number_hash, 'hex') AS key, part.smsc_message_id,
    coalesce(part.written_id, part.smsc_message_id) AS written_id
