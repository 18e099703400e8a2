INSERT INTO key_checks (name, fingerprint) VALUES (%(name)s, %(fingerprint)s)
ON CONFLICT (name) DO NOTHING
