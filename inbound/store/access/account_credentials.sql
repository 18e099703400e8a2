-- Credentials of accounts at the ingress.

-- name: put_credentials
INSERT INTO account_credentials (account, login, password_verifier, key_verifier, service_verifier)
VALUES (%(account)s, %(login)s, %(password)s, %(key)s, %(service)s)
ON CONFLICT (account) DO UPDATE
SET login = excluded.login, password_verifier = excluded.password_verifier,
    key_verifier = excluded.key_verifier, service_verifier = excluded.service_verifier,
    changed_at = now()

-- name: find_credentials
-- By number, login or key; the others are NULL. An account without addresses allows all.
SELECT account, number, login, enabled, password_verifier, key_verifier, service_verifier,
       addresses = '{}'
       OR coalesce(%(address)s::inet <<= ANY(addresses::inet[]), false) AS address_allowed
FROM account_credentials JOIN accounts USING (account)
WHERE number = %(number)s OR login = %(login)s OR key_verifier = %(key)s

-- name: take_numbers
SELECT nextval('ingress_numbers')
