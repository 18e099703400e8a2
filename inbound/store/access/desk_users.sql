-- People who sign in at the desk.

-- name: add_user
INSERT INTO desk_users (user_id, name, actor, password_hash, roles, created_at, password_set_at,
                        provider_login)
VALUES (%(user_id)s, %(name)s, %(actor)s, %(password_hash)s, %(roles)s, %(now)s, %(now)s, %(login)s)
ON CONFLICT (name) DO NOTHING

-- name: find_user
SELECT user_id, name, actor, password_hash, roles, created_at, password_set_at, disabled_at,
       provider_login, provider_issuer, provider_subject
FROM desk_users WHERE name = %(name)s

-- name: hold_user
SELECT user_id, name, actor, password_hash, roles, created_at, password_set_at, disabled_at,
       provider_login, provider_issuer, provider_subject
FROM desk_users WHERE user_id = %(user_id)s FOR SHARE

-- name: list_users
SELECT users.user_id, name, actor, password_hash, roles, users.created_at, password_set_at,
       disabled_at, provider_login, provider_issuer, provider_subject,
       max(used_at) AS seen_at, count(session_id) AS sessions,
       EXISTS (SELECT FROM desk_second_factors AS factors
               WHERE factors.user_id = users.user_id) AS has_factor
FROM desk_users AS users LEFT JOIN desk_sessions USING (user_id)
GROUP BY users.user_id
ORDER BY disabled_at IS NOT NULL, name

-- name: set_password
UPDATE desk_users SET password_hash = %(password_hash)s, password_set_at = %(now)s
WHERE user_id = %(user_id)s

-- name: upgrade_hash
-- The same password, hashed with newer parameters, unless it was changed meanwhile.
UPDATE desk_users SET password_hash = %(password_hash)s
WHERE user_id = %(user_id)s AND password_hash = %(before)s

-- name: disable_user
UPDATE desk_users SET disabled_at = coalesce(disabled_at, %(now)s) WHERE user_id = %(user_id)s

-- name: enable_user
UPDATE desk_users SET disabled_at = NULL WHERE user_id = %(user_id)s AND disabled_at IS NOT NULL

-- name: set_roles
UPDATE desk_users SET roles = %(roles)s WHERE user_id = %(user_id)s

-- name: lock_holders
-- In one order, so that two administrators who disable each other wait instead of both succeeding.
SELECT user_id FROM desk_users
WHERE disabled_at IS NULL AND %(role)s = ANY(roles)
  AND provider_login IS NULL AND provider_subject IS NULL
ORDER BY user_id FOR NO KEY UPDATE
