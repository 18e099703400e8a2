-- All parts of those messages of these people of which some part has one of these ids.
SELECT part.subject_id, part.message_id, part.part, part.parts, part.request_id, part.purpose,
       part.template, part.centre, part.smsc_message_id, part.submitted_at, part.traceparent,
       part.written_id, part.state, part.final, part.error, part.done_at
FROM smsc_messages AS part
WHERE part.subject_id = ANY(%(subject_ids)b::uuid[])
  AND EXISTS (
      SELECT FROM smsc_messages AS named
      WHERE named.subject_id = part.subject_id AND named.message_id = part.message_id
        AND named.smsc_message_id = ANY(%(smsc_message_ids)b::text[])
  )
ORDER BY part.subject_id, part.message_id, part.part
