-- Fingerprints of the keys with which a database was filled.

-- name: remember_key
INSERT INTO key_checks (name, fingerprint) VALUES (%(name)s, %(fingerprint)s)
ON CONFLICT (name) DO NOTHING

-- name: find_key
SELECT fingerprint FROM key_checks WHERE name = %(name)s
