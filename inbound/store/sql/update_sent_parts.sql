UPDATE smsc_messages AS stored
SET state = given.state, final = given.final, error = given.error, done_at = given.done_at
FROM unnest(
    %(subject_ids)b::uuid[], %(message_ids)b::uuid[], %(part)b::smallint[], %(states)b::text[],
    %(final)b::boolean[], %(errors)b::text[], %(done)b::timestamp[]
) AS given (subject_id, message_id, part, state, final, error, done_at)
WHERE stored.subject_id = given.subject_id AND stored.message_id = given.message_id
  AND stored.part = given.part
