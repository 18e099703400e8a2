-- Fingerprints of the keys with which a database was filled.

-- name: remember_key
INSERT INTO key_checks (name, fingerprint) VALUES (%(name)s, %(fingerprint)s)
ON CONFLICT (name) DO NOTHING

-- name: find_key
SELECT fingerprint FROM key_checks WHERE name = %(name)s

-- name: replace_key
UPDATE key_checks SET fingerprint = %(fingerprint)s WHERE name = %(name)s

-- name: forget_key
DELETE FROM key_checks WHERE name = %(name)s
