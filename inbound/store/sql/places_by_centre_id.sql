-- Messages to which a centre gave one of these ids, as long as receipts are waited for. It
-- reads the whole table: such a look-up is rare, and an index would cost each message. When
-- the projection does not know the request yet: no reply is sent later than two days after
-- its text.
SELECT DISTINCT sent.subject_id, sent.request_id,
       coalesce(request.arrived_at, sent.submitted_at - interval '2 days')
FROM smsc_messages AS sent
LEFT JOIN projections.requests AS request USING (request_id)
WHERE sent.smsc_message_id = ANY(%(ids)s) AND sent.request_id IS NOT NULL
LIMIT %(limit)s
