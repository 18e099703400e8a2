-- Completing the log of a restored database from the published events.

-- name: stage
CREATE TEMPORARY TABLE recovered (LIKE events) ON COMMIT DROP

-- name: copy_staged
-- Columns in the order of copy_format.py.
COPY recovered (
    position, recorded_at, chain, digest, stream_id, version, type, schema_version, data, metadata
) FROM STDIN (FORMAT binary)

-- name: index_staged
CREATE UNIQUE INDEX ON recovered (position)

-- name: analyze_staged
ANALYZE recovered

-- name: staged_end
SELECT count(*), coalesce(max(position), 0) FROM recovered

-- name: missing
-- Positions between the backup and the last published event of which there is no record.
SELECT wanted.position
FROM generate_series(
    %(after)s::bigint + 1, (SELECT max(position) FROM recovered)
) AS wanted (position)
LEFT JOIN recovered USING (position)
WHERE recovered.position IS NULL
ORDER BY wanted.position LIMIT %(most)s

-- name: staged_before
SELECT recorded_at FROM recovered WHERE position < %(position)s ORDER BY position DESC LIMIT 1

-- name: staged_digests
SELECT position, chain, digest FROM recovered WHERE position = ANY(%(positions)s::bigint[])

-- name: stored_event
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events WHERE position = %(position)s

-- name: adopt
INSERT INTO events (
    position, recorded_at, chain, digest, stream_id, version, type, schema_version, data, metadata
)
SELECT position, recorded_at, chain, digest, stream_id, version, type, schema_version, data,
       metadata
FROM recovered ORDER BY position

-- name: read_staged
SELECT stream_id, type, schema_version, data FROM recovered ORDER BY position

-- name: drop_states
-- They are folded again from the events.
DELETE FROM subject_states USING recovered WHERE subject_states.stream_id = recovered.stream_id

-- name: note_requests
-- Texts that made requests: a worker that reads them again recognises them.
INSERT INTO inbox (mo_id, received_at)
SELECT (data ->> 'request_id')::uuid, recorded_at FROM recovered WHERE type = 'request.accepted'
ON CONFLICT DO NOTHING

-- name: note_results
-- A message that was sent, or has ended otherwise, since the backup is claimed with its result: a
-- gateway that reads it again publishes the result and sends nothing.
INSERT INTO mt_claims (message_id, attempt, gateway, result)
SELECT message_id, attempt, 'recovered', result::json
FROM unnest(%(message_ids)b::uuid[], %(attempts)b::integer[], %(results)b::text[])
    AS given (message_id, attempt, result)
ON CONFLICT (message_id) DO UPDATE
SET attempt = excluded.attempt, result = excluded.result, claimed_at = now()
WHERE mt_claims.result IS NULL

-- name: drop_ended_holds
DELETE FROM held_registrations USING recovered
WHERE recovered.type IN ('registration.released', 'registration.refused')
  AND held_registrations.request_id = (recovered.data ->> 'request_id')::uuid

-- name: requests_of_unknown
-- Requests of people whom the backup doesn't have.
SELECT (data ->> 'request_id')::uuid, stream_id FROM recovered
WHERE type = 'request.accepted'
  AND NOT EXISTS (SELECT FROM subjects WHERE subject_id = stream_id)
  AND NOT EXISTS (
      SELECT FROM recovered AS later
      WHERE later.stream_id = recovered.stream_id AND later.type = 'person.erased'
  )

-- name: people_without_number
SELECT stream_id FROM recovered
WHERE NOT EXISTS (SELECT FROM subjects WHERE subject_id = stream_id)
GROUP BY stream_id
HAVING NOT bool_or(type = 'person.erased')
   AND NOT bool_and(type IN ('log.restored', 'order.refused'))
ORDER BY stream_id

-- name: erased_again
-- People who were erased after the backup: it has brought them back.
SELECT subject_id FROM subjects
WHERE EXISTS (
    SELECT FROM events WHERE stream_id = subject_id AND type = 'person.erased'
)

-- name: open_requests
SELECT stream_id, (data ->> 'request_id')::uuid FROM recovered
WHERE type = 'request.accepted'
  AND NOT EXISTS (
      SELECT FROM recovered AS later
      WHERE later.stream_id = recovered.stream_id AND later.type = 'request.completed'
        AND later.data ->> 'request_id' = recovered.data ->> 'request_id'
  )
ORDER BY position

-- name: lost_orders
-- Orders that were accepted after the backup and have not ended: their texts are gone.
SELECT data ->> 'account', (data ->> 'order_id')::uuid FROM recovered
WHERE type = 'order.accepted'
  AND NOT EXISTS (SELECT FROM orders WHERE order_id = (recovered.data ->> 'order_id')::uuid)
  AND NOT EXISTS (
      SELECT FROM recovered AS later
      WHERE later.stream_id = recovered.stream_id AND later.position > recovered.position
        AND later.data ->> 'order_id' = recovered.data ->> 'order_id'
        AND (later.type IN ('order.refused', 'order.cancelled', 'order.expired',
                            'message.submitted', 'message.rejected', 'message.expired',
                            'message.erased', 'message.withheld')
             OR later.type = 'message.unknown' AND (later.data ->> 'final')::boolean)
  )
ORDER BY 1, position
