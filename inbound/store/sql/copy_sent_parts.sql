COPY smsc_messages (
    subject_id, message_id, part, parts, request_id, purpose, template, centre,
    smsc_message_id, submitted_at, traceparent, written_id
)
FROM STDIN (FORMAT binary)
