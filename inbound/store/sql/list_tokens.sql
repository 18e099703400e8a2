SELECT token_id, name, scopes, created_at, expires_at, revoked_at, last_used_at
FROM api_tokens ORDER BY revoked_at IS NOT NULL, name, created_at
