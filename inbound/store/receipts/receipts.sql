-- Sent parts that wait for receipts, and receipts that wait for their part.

-- name: copy_sent_parts
COPY smsc_messages (
    subject_id, message_id, part, parts, request_id, purpose, template, centre,
    smsc_message_id, submitted_at, traceparent, written_id, order_id
)
FROM STDIN (FORMAT binary)

-- name: insert_sent_parts
INSERT INTO smsc_messages (
    subject_id, message_id, part, parts, request_id, purpose, template, centre,
    smsc_message_id, submitted_at, traceparent, written_id, order_id
)
SELECT * FROM unnest(
    %(subject_ids)b::uuid[], %(message_ids)b::uuid[], %(part)b::smallint[], %(parts)b::smallint[],
    %(request_ids)b::uuid[], %(purposes)b::text[], %(templates)b::text[], %(centres)b::text[],
    %(smsc_message_ids)b::text[], %(submitted)b::timestamptz[], %(traceparents)b::text[],
    %(written_ids)b::text[], %(order_ids)b::uuid[]
)

-- name: update_sent_parts
UPDATE smsc_messages AS stored
SET state = given.state, final = given.final, error = given.error, done_at = given.done_at
FROM unnest(
    %(subject_ids)b::uuid[], %(message_ids)b::uuid[], %(part)b::smallint[], %(states)b::text[],
    %(final)b::boolean[], %(errors)b::text[], %(done)b::timestamp[]
) AS given (subject_id, message_id, part, state, final, error, done_at)
WHERE stored.subject_id = given.subject_id AND stored.message_id = given.message_id
  AND stored.part = given.part

-- name: find_sent_parts
-- All parts of messages of these people of which any part has one of these ids.
SELECT part.subject_id, part.message_id, part.part, part.parts, part.request_id, part.purpose,
       part.template, part.centre, part.smsc_message_id, part.submitted_at, part.traceparent,
       part.written_id, part.order_id, part.state, part.final, part.error, part.done_at
FROM smsc_messages AS part
WHERE part.subject_id = ANY(%(subject_ids)b::uuid[])
  AND EXISTS (
      SELECT FROM smsc_messages AS named
      WHERE named.subject_id = part.subject_id AND named.message_id = part.message_id
        AND named.smsc_message_id = ANY(%(smsc_message_ids)b::text[])
  )
ORDER BY part.subject_id, part.message_id, part.part

-- name: insert_early_receipts
-- A repeated receipt is stored once.
INSERT INTO early_receipts (subject_id, centre, smsc_message_id, state, receipt, arrived_at, size)
SELECT subject_id, centre, smsc_message_id, state, receipt::json, arrived_at, octet_length(receipt)
FROM unnest(
    %(subject_ids)b::uuid[], %(centres)b::text[], %(smsc_message_ids)b::text[],
    %(states)b::text[], %(receipts)b::text[], %(arrived)b::timestamptz[]
) AS new (subject_id, centre, smsc_message_id, state, receipt, arrived_at)
ON CONFLICT DO NOTHING

-- name: drop_early_receipts_of
-- Of each of these people the newest receipts are kept, as far as the quota goes.
DELETE FROM early_receipts AS stored USING (
    SELECT subject_id, centre, smsc_message_id, state,
           count(*) OVER newest AS rows_so_far, sum(size) OVER newest AS bytes_so_far
    FROM early_receipts WHERE subject_id = ANY(%(subject_ids)b::uuid[])
    WINDOW newest AS (
        PARTITION BY subject_id ORDER BY arrived_at DESC, centre, smsc_message_id, state
        ROWS UNBOUNDED PRECEDING
    )
) AS ranked
WHERE (ranked.rows_so_far > %(rows)s OR ranked.bytes_so_far > %(bytes)s)
  AND stored.subject_id = ranked.subject_id AND stored.centre = ranked.centre
  AND stored.smsc_message_id = ranked.smsc_message_id AND stored.state = ranked.state

-- name: drop_oldest_early_receipts
-- The same over all people. Reads the whole table: only when the overall quota is exceeded.
DELETE FROM early_receipts AS stored USING (
    SELECT subject_id, centre, smsc_message_id, state,
           count(*) OVER newest AS rows_so_far, sum(size) OVER newest AS bytes_so_far
    FROM early_receipts
    WINDOW newest AS (
        ORDER BY arrived_at DESC, subject_id, centre, smsc_message_id, state
        ROWS UNBOUNDED PRECEDING
    )
) AS ranked
WHERE (ranked.rows_so_far > %(rows)s OR ranked.bytes_so_far > %(bytes)s)
  AND stored.subject_id = ranked.subject_id AND stored.centre = ranked.centre
  AND stored.smsc_message_id = ranked.smsc_message_id AND stored.state = ranked.state

-- name: find_early_receipts
SELECT subject_id, centre, smsc_message_id, state, receipt, arrived_at
FROM early_receipts WHERE subject_id = ANY(%(subject_ids)b::uuid[])
ORDER BY arrived_at

-- name: delete_early_receipts
DELETE FROM early_receipts AS stored
USING unnest(
    %(subject_ids)b::uuid[], %(centres)b::text[], %(smsc_message_ids)b::text[],
    %(states)b::text[]
) AS given (subject_id, centre, smsc_message_id, state)
WHERE stored.subject_id = given.subject_id AND stored.centre = given.centre
  AND stored.smsc_message_id = given.smsc_message_id AND stored.state = given.state

-- name: take_overdue
-- Overdue parts of one SMS centre, each returned to one gateway and again only after the same
-- time. Reads the whole table: call it at most once a minute.
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
