-- The currencies that accounts had before.

-- name: exchange_past_currencies
UPDATE account_currencies SET to_current = to_current * %(rate)s::numeric
WHERE account = %(account)s

-- name: remember_currency
INSERT INTO account_currencies (account, changed_at, currency, to_current)
VALUES (%(account)s, %(at)s, %(currency)s, %(rate)s::numeric)
