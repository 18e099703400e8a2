-- Sessions of the desk, and failures to sign in.

-- name: add_session
INSERT INTO desk_sessions (session_id, digest, browser, user_id, created_at, used_at, by_provider)
VALUES (%(session_id)s, %(digest)s, %(browser)s, %(user_id)s, %(now)s, %(now)s, %(by_provider)s)

-- name: use_session
-- A valid session with its user. Its last use is written at most once a minute.
WITH found AS (
    SELECT session_id, user_id, name, actor, roles, used_at, sessions.created_at,
           EXISTS (SELECT FROM desk_second_factors AS factors
                   WHERE factors.user_id = sessions.user_id) AS has_factor,
           by_provider
    FROM desk_sessions AS sessions JOIN desk_users USING (user_id)
    WHERE digest = %(digest)s AND browser = %(browser)s AND disabled_at IS NULL
      AND used_at > %(idle_since)s AND sessions.created_at > %(begun_since)s
), used AS (
    UPDATE desk_sessions SET used_at = %(now)s FROM found
    WHERE %(counts)s AND desk_sessions.session_id = found.session_id
      AND desk_sessions.used_at < %(now)s - interval '1 minute'
)
SELECT session_id, user_id, name, actor, roles, created_at, has_factor, by_provider FROM found

-- name: lock_user
SELECT FROM desk_users WHERE user_id = %(user_id)s FOR NO KEY UPDATE

-- name: has_session
SELECT EXISTS (SELECT FROM desk_sessions WHERE session_id = %(session_id)s)

-- name: list_sessions
SELECT session_id, created_at, used_at FROM desk_sessions
WHERE user_id = %(user_id)s AND used_at > %(idle_since)s AND created_at > %(begun_since)s
ORDER BY used_at DESC, session_id

-- name: end_session
DELETE FROM desk_sessions WHERE session_id = %(session_id)s AND user_id = %(user_id)s

-- name: end_sessions
DELETE FROM desk_sessions
WHERE user_id = %(user_id)s AND session_id IS DISTINCT FROM %(but)s::uuid

-- name: sweep_sessions
DELETE FROM desk_sessions WHERE used_at <= %(idle_since)s OR created_at <= %(begun_since)s

-- name: count_failures
-- The failures within the window, and when it began, for each key that has some.
SELECT key, failures, since FROM desk_failures
WHERE key = ANY(%(keys)s) AND since > %(window_since)s

-- name: sweep_failures
DELETE FROM desk_failures WHERE since <= %(window_since)s

-- name: add_failure
INSERT INTO desk_failures AS stored (key, failures, since)
SELECT key, 1, %(now)s FROM unnest(%(keys)s::bytea[]) AS given (key) ORDER BY key
ON CONFLICT (key) DO UPDATE
SET failures = CASE WHEN stored.since > %(window_since)s THEN stored.failures + 1 ELSE 1 END,
    since = CASE WHEN stored.since > %(window_since)s THEN stored.since ELSE excluded.since END

-- name: forget_failures
DELETE FROM desk_failures WHERE key = ANY(%(keys)s)
