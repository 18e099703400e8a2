-- name: person_by_hash
SELECT subject_id, number_hash, number_sealed
FROM subjects WHERE number_hash = %(number_hash)s

-- name: person_by_subject
SELECT subject_id, number_hash, number_sealed
FROM subjects WHERE subject_id = %(subject_id)s

-- name: switches_of
-- Switches of notifications by operators, the newest first.
SELECT (data ->> 'at')::timestamptz AS at, type = 'subscription.started', data ->> 'by',
       coalesce(data ->> 'reason', '')
FROM events
WHERE stream_id = %(subject_id)s AND type IN ('subscription.started', 'subscription.stopped')
  AND data ->> 'by' IS NOT NULL
  AND (%(since)s::timestamptz IS NULL OR (data ->> 'at')::timestamptz >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR (data ->> 'at')::timestamptz < %(until)s::timestamptz)
ORDER BY version DESC
LIMIT %(limit)s

-- name: last_stops
SELECT given.version, stop.at
FROM unnest(%(versions)s::integer[]) AS given (version)
CROSS JOIN LATERAL (
    SELECT (data ->> 'at')::timestamptz AS at FROM events
    WHERE stream_id = %(subject_id)s AND events.version < given.version
      AND type = 'subscription.stopped'
    ORDER BY events.version DESC LIMIT 1
) AS stop
