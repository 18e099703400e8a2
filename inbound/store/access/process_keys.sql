-- The processes that run and the fingerprints of their keys.

-- name: report_keys
INSERT INTO process_keys (process, fingerprint, other_fingerprint, subject_fingerprint, seen_at)
VALUES (%(process)s, %(fingerprint)s, %(other)s, %(subject)s, clock_timestamp())
ON CONFLICT (process) DO UPDATE
SET fingerprint = excluded.fingerprint, other_fingerprint = excluded.other_fingerprint,
    subject_fingerprint = excluded.subject_fingerprint, seen_at = excluded.seen_at

-- name: sweep_keys
DELETE FROM process_keys WHERE seen_at < now() - interval '1 hour'

-- name: withdraw_keys
DELETE FROM process_keys WHERE process = %(process)s

-- name: list_keys
SELECT process, fingerprint, other_fingerprint, subject_fingerprint,
       extract(epoch FROM now() - seen_at)::float8
FROM process_keys WHERE seen_at > now() - %(alive)s::interval ORDER BY process
