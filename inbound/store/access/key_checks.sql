-- Fingerprints of the keys with which a database was filled.

-- name: remember_key
INSERT INTO key_checks (name, fingerprint) VALUES (%(name)s, %(fingerprint)s)
ON CONFLICT (name) DO NOTHING

-- name: find_key
SELECT fingerprint FROM key_checks WHERE name = %(name)s

-- name: replace_key
UPDATE key_checks SET fingerprint = %(fingerprint)s WHERE name = %(name)s

-- name: remember_next
-- A retired key is no next key: a process of a release that accepted it left it there.
INSERT INTO key_checks AS stored (name, fingerprint) VALUES (%(name)s, %(fingerprint)s)
ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint
WHERE stored.fingerprint IN (SELECT fingerprint FROM retired_vault_keys)

-- name: find_next
SELECT fingerprint FROM key_checks
WHERE name = %(name)s AND fingerprint NOT IN (SELECT fingerprint FROM retired_vault_keys)

-- name: forget_key
DELETE FROM key_checks WHERE name = %(name)s

-- name: retire_key
INSERT INTO retired_vault_keys (fingerprint, retired_at)
SELECT fingerprint, now() FROM key_checks
WHERE name = %(name)s AND fingerprint <> %(fingerprint)s
ON CONFLICT (fingerprint) DO UPDATE SET retired_at = excluded.retired_at

-- name: revive_key
-- A release before could rotate back to a key that it had retired.
DELETE FROM retired_vault_keys WHERE fingerprint = %(fingerprint)s

-- name: find_retired
SELECT retired_at FROM retired_vault_keys WHERE fingerprint = %(fingerprint)s
