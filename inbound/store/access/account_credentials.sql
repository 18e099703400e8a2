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
       changed_at, addresses = '{}'
       OR coalesce(%(address)s::inet <<= ANY(addresses::inet[]), false) AS address_allowed
FROM account_credentials JOIN accounts USING (account)
WHERE number = %(number)s OR login = %(login)s OR key_verifier = %(key)s

-- name: find_outdated
-- The places, from 1 on, of those whose credentials or address are not those of the account now.
SELECT given.place
FROM unnest(%(accounts)s::text[], %(times)s::timestamptz[], %(addresses)s::text[])
    WITH ORDINALITY AS given (account, changed_at, address, place)
LEFT JOIN account_credentials AS stored USING (account)
LEFT JOIN accounts USING (account)
WHERE stored.changed_at IS DISTINCT FROM given.changed_at
   OR NOT (accounts.addresses = '{}'
           OR coalesce(given.address::inet <<= ANY(accounts.addresses::inet[]), false))

-- name: take_numbers
SELECT nextval('ingress_numbers')
