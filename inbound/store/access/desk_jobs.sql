-- Long work of the desk. Ages are those of the database: processes need no common clock.

-- name: claim_job
-- Begins a job, or begins it again, unless a process that lives has it.
INSERT INTO desk_jobs AS stored (job_id, kind, owner, process, state, form_sealed)
VALUES (%(job_id)s, %(kind)s, %(owner)s, %(process)s, 'waiting', %(form_sealed)s)
ON CONFLICT (job_id) DO UPDATE
SET process = excluded.process, state = 'waiting', done = 0, total = 0, beat_at = now(),
    form_sealed = excluded.form_sealed, result = NULL
WHERE stored.owner = excluded.owner AND stored.kind = excluded.kind
  AND (stored.state IN ('done', 'failed')
       OR stored.beat_at < now() - make_interval(secs => %(silent_s)s))

-- name: beat
UPDATE desk_jobs SET beat_at = now(), state = given.state, done = given.done, total = given.total
FROM unnest(%(job_ids)s::uuid[], %(states)s::text[], %(done)s::bigint[], %(totals)s::bigint[])
    AS given (job_id, state, done, total)
WHERE desk_jobs.job_id = given.job_id AND process = %(process)s
  AND desk_jobs.state IN ('waiting', 'running')

-- name: end_job
-- Only by the process that has it.
UPDATE desk_jobs SET state = %(state)s, result = %(result)s::json, beat_at = now()
WHERE job_id = %(job_id)s AND process = %(process)s AND state IN ('waiting', 'running')

-- name: find_job
SELECT CASE WHEN state IN ('waiting', 'running')
                 AND beat_at < now() - make_interval(secs => %(silent_s)s)
            THEN 'lost' ELSE state END,
       done, total, form_sealed, result
FROM desk_jobs WHERE job_id = %(job_id)s AND owner = %(owner)s AND kind = %(kind)s

-- name: sweep_jobs
DELETE FROM desk_jobs WHERE beat_at < now() - interval '1 day'
