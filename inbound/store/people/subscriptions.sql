-- The subscriptions of subjects, from the events themselves.

-- name: subscriptions_of
-- The last stop or start of each subject that is not erased, by subject or by number. The events are committed before the
-- reply that confirms them is queued, so no answer is older than what the person was told.
SELECT subjects.subject_id, subjects.number_hash, subjects.number_sealed,
       coalesce(last.type <> 'subscription.stopped', true),
       coalesce(last.version, 0), last.at, last.request_id
FROM subjects
LEFT JOIN LATERAL (
    SELECT type, version, (data ->> 'at')::timestamptz AS at,
           (data ->> 'request_id')::uuid AS request_id
    FROM events
    WHERE stream_id = subjects.subject_id AND type LIKE 'subscription.%%'
    ORDER BY version DESC LIMIT 1
) AS last ON true
WHERE subjects.subject_id = ANY(%(subject_ids)b::uuid[])
   OR subjects.number_hash = ANY(%(hashes)b::bytea[])
