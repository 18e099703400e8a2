-- A token that is good now; when it was used is written once a minute at most.
WITH found AS (
    SELECT token_id, name, scopes, digest, last_used_at FROM api_tokens
    WHERE digest = %(digest)s AND revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > %(now)s)
), used AS (
    UPDATE api_tokens SET last_used_at = %(now)s FROM found
    WHERE api_tokens.token_id = found.token_id
      AND (api_tokens.last_used_at IS NULL OR api_tokens.last_used_at < %(now)s - interval '1 minute')
)
SELECT token_id, name, scopes, digest FROM found
