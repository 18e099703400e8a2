-- Credentials of accounts at the ingress.

-- name: put_credentials
-- Somebody may have signed in with the credentials before who should not have.
WITH forgotten AS (
    DELETE FROM account_clients WHERE account = %(account)s
)
INSERT INTO account_credentials (account, login, password_verifier, key_verifier, service_verifier)
VALUES (%(account)s, %(login)s, %(password)s, %(key)s, %(service)s)
ON CONFLICT (account) DO UPDATE
SET login = excluded.login, password_verifier = excluded.password_verifier,
    key_verifier = excluded.key_verifier, service_verifier = excluded.service_verifier,
    changed_at = now()

-- name: find_credentials
-- By number, login or key; the others are NULL. The places, from 1 on, of those that exist. An
-- account without addresses allows all.
SELECT asked.place, account, number, login, enabled, password_verifier, key_verifier,
       service_verifier, changed_at, addresses = '{}'
       OR coalesce(asked.address::inet <<= ANY(addresses::inet[]), false) AS address_allowed,
       EXISTS (SELECT FROM account_clients AS seen
               WHERE seen.account = asked.account AND asked.address::inet <<= seen.client)
           AS has_signed_in
FROM (
    SELECT given.place, given.address, coalesce(
        (SELECT account FROM accounts WHERE accounts.number = given.number),
        (SELECT account FROM account_credentials AS of_login WHERE of_login.login = given.login),
        (SELECT account FROM account_credentials AS of_key WHERE of_key.key_verifier = given.key)
    ) AS account
    FROM unnest(%(numbers)s::bigint[], %(logins)s::text[], %(keys)s::bytea[],
                %(addresses)s::text[])
        WITH ORDINALITY AS given (number, login, key, address, place)
) AS asked
JOIN account_credentials USING (account)
JOIN accounts USING (account)

-- name: remember_client
-- With it, the latest ones of the account.
WITH seen AS (
    INSERT INTO account_clients (account, client, seen_at)
    VALUES (%(account)s, %(client)s::cidr, %(at)s)
    ON CONFLICT (account, client) DO UPDATE SET seen_at = excluded.seen_at
)
DELETE FROM account_clients
WHERE account = %(account)s AND client <> %(client)s::cidr AND client NOT IN (
    SELECT client FROM account_clients
    WHERE account = %(account)s AND client <> %(client)s::cidr
    ORDER BY seen_at DESC LIMIT %(most)s - 1
)

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
