INSERT INTO api_tokens (token_id, name, digest, scopes, created_at, expires_at)
VALUES (%(token_id)s, %(name)s, %(digest)s, %(scopes)s, %(created_at)s, %(expires_at)s)
ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING
