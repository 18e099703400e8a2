-- Second factors of the desk's users.

-- name: find_factor
SELECT secret, last_step, set_at,
       (SELECT count(*) FROM desk_recovery_codes WHERE user_id = factors.user_id)
FROM desk_second_factors AS factors WHERE user_id = %(user_id)s

-- name: set_factor
INSERT INTO desk_second_factors (user_id, secret, last_step, set_at)
VALUES (%(user_id)s, %(secret)s, %(step)s, %(now)s)
ON CONFLICT (user_id) DO NOTHING

-- name: use_step
UPDATE desk_second_factors SET last_step = %(step)s
WHERE user_id = %(user_id)s AND last_step < %(step)s

-- name: remove_factor
DELETE FROM desk_second_factors WHERE user_id = %(user_id)s

-- name: forget_codes
DELETE FROM desk_recovery_codes WHERE user_id = %(user_id)s

-- name: add_codes
INSERT INTO desk_recovery_codes (user_id, digest)
SELECT %(user_id)s, digest FROM unnest(%(digests)s::bytea[]) AS given (digest)

-- name: use_code
DELETE FROM desk_recovery_codes WHERE user_id = %(user_id)s AND digest = %(digest)s
