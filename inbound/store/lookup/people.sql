-- name: person_by_hash
SELECT subject_id, number_hash, number_sealed
FROM subjects WHERE number_hash = %(number_hash)s

-- name: person_by_subject
SELECT subject_id, number_hash, number_sealed
FROM subjects WHERE subject_id = %(subject_id)s

-- name: switches_of
-- By texts and by operators, the newest first.
SELECT version, (data ->> 'at')::timestamptz, type <> 'subscription.stopped',
       data ->> 'by', data ->> 'reason', type = 'subscription.restored'
FROM events
WHERE stream_id = %(subject_id)s
  AND type IN ('subscription.started', 'subscription.stopped', 'subscription.restored')
ORDER BY version DESC
LIMIT %(limit)s
