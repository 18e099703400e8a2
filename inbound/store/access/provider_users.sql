-- Users of the desk who sign in at an OpenID provider.

-- name: find_by_subject
SELECT user_id, name, actor, password_hash, roles, created_at, password_set_at, disabled_at,
       provider_login, provider_issuer, provider_subject
FROM desk_users WHERE provider_issuer = %(issuer)s AND provider_subject = %(subject)s
FOR NO KEY UPDATE

-- name: find_by_login
SELECT user_id, name, actor, password_hash, roles, created_at, password_set_at, disabled_at,
       provider_login, provider_issuer, provider_subject
FROM desk_users WHERE provider_login = %(login)s
FOR NO KEY UPDATE

-- name: set_provider
UPDATE desk_users
SET provider_login = %(login)s, provider_issuer = %(issuer)s, provider_subject = %(subject)s
WHERE user_id = %(user_id)s
