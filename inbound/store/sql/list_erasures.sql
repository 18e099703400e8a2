-- The newest first.
SELECT id, erased_at, actor, reason, subject_id, removed
FROM erasures
WHERE %(before)s::bigint IS NULL OR id < %(before)s::bigint
ORDER BY id DESC
LIMIT %(limit)s
