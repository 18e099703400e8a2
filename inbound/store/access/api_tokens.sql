-- Tokens of the HTTP API.

-- name: find_account
SELECT FROM accounts WHERE account = %(account)s

-- name: add_token
INSERT INTO api_tokens (token_id, name, digest, scopes, account, created_at, expires_at)
VALUES (%(token_id)s, %(name)s, %(digest)s, %(scopes)s, %(account)s, %(created_at)s,
        %(expires_at)s)
ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING

-- name: revoke_token
UPDATE api_tokens SET revoked_at = %(now)s WHERE name = %(name)s AND revoked_at IS NULL
RETURNING token_id

-- name: list_tokens
SELECT token_id, name, scopes, account, created_at, expires_at, revoked_at, last_used_at
FROM api_tokens ORDER BY revoked_at IS NOT NULL, name, created_at

-- name: use_token
-- A valid token. Its last use is written at most once a minute. A token that sends may do so only
-- from the addresses of its account, if that has any.
WITH found AS (
    SELECT token_id, name, scopes, digest, last_used_at, account,
           NOT 'send' = ANY(scopes) OR addresses = '{}'
           OR coalesce(%(address)s::inet <<= ANY(addresses::inet[]), false) AS address_allowed
    FROM api_tokens JOIN accounts USING (account)
    WHERE digest = %(digest)s AND revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > %(now)s)
), used AS (
    UPDATE api_tokens SET last_used_at = %(now)s FROM found
    WHERE api_tokens.token_id = found.token_id
      AND (api_tokens.last_used_at IS NULL OR api_tokens.last_used_at < %(now)s - interval '1 minute')
)
SELECT token_id, name, scopes, digest, account, address_allowed FROM found
