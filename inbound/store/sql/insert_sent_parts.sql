INSERT INTO smsc_messages (
    subject_id, message_id, part, parts, request_id, purpose, template, centre,
    smsc_message_id, submitted_at, traceparent
)
SELECT *
FROM unnest(
    %(subject_ids)b::uuid[], %(message_ids)b::uuid[], %(part)b::smallint[],
    %(parts)b::smallint[], %(request_ids)b::uuid[], %(purposes)b::text[],
    %(templates)b::text[], %(centres)b::text[], %(smsc_message_ids)b::text[],
    %(submitted)b::timestamptz[], %(traceparents)b::text[]
)
