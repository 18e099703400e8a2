-- Accounts as people manage them.

-- name: add_account
INSERT INTO accounts (
    account, enabled, rights, addresses, zone, day_limit, week_limit, month_limit, min_delay_s,
    repeat_within_s, max_parts, patterns, rate_per_s, price_per_part, currency, balance
) VALUES (
    %(account)s, %(enabled)s, %(rights)s, %(addresses)s::text[]::cidr[], %(zone)s, %(day_limit)s,
    %(week_limit)s, %(month_limit)s, %(min_delay_s)s, %(repeat_within_s)s, %(max_parts)s,
    %(patterns)s, %(rate_per_s)s, %(price_per_part)s, %(currency)s, %(balance)s
)
ON CONFLICT (account) DO NOTHING

-- name: change_account
UPDATE accounts
SET enabled = %(enabled)s, rights = %(rights)s, addresses = %(addresses)s::text[]::cidr[],
    zone = %(zone)s, day_limit = %(day_limit)s, week_limit = %(week_limit)s,
    month_limit = %(month_limit)s, min_delay_s = %(min_delay_s)s,
    repeat_within_s = %(repeat_within_s)s, max_parts = %(max_parts)s, patterns = %(patterns)s,
    rate_per_s = %(rate_per_s)s, price_per_part = %(price_per_part)s, currency = %(currency)s,
    balance = %(balance)s
WHERE account = %(account)s

-- name: recount_usage
-- After an account's zone has changed: what it ordered in the day, week and month that it is now in
-- the new zone, but no less than was counted for those of the zone before. Both windows overlap,
-- and their orders must not be counted anew.
INSERT INTO account_usage AS stored (account, period, used)
SELECT %(account)s, given.after, greatest(
    (SELECT count(*) FROM orders
     WHERE account = %(account)s AND last_at IS NOT NULL AND NOT refunded
       AND created_at >= date_trunc(given.unit, %(at)s::timestamptz AT TIME ZONE %(zone)s)
           AT TIME ZONE %(zone)s),
    (SELECT used FROM account_usage WHERE account = %(account)s AND period = given.before)
)
FROM unnest(ARRAY['day', 'week', 'month'], %(before)s::text[], %(after)s::text[])
    AS given (unit, before, after)
ON CONFLICT (account, period) DO UPDATE SET used = excluded.used

-- name: forget_later_usage
-- Of periods that have not begun yet in the new zone.
DELETE FROM account_usage USING unnest(%(after)s::text[]) AS given (period)
WHERE account = %(account)s AND left(account_usage.period, 1) = left(given.period, 1)
  AND account_usage.period > given.period

-- name: lock_account
SELECT enabled, rights, addresses::text[], zone, day_limit, week_limit, month_limit, min_delay_s,
       repeat_within_s, max_parts, patterns, rate_per_s, price_per_part, currency, balance
FROM accounts WHERE account = %(account)s FOR NO KEY UPDATE

-- name: list_accounts
SELECT account, number, created_at, enabled, rights, addresses::text[], zone, day_limit,
       week_limit, month_limit, min_delay_s, repeat_within_s, max_parts, patterns, rate_per_s,
       price_per_part, currency, balance
FROM accounts WHERE %(account)s::text IS NULL OR account = %(account)s ORDER BY account

-- name: list_usage
SELECT period, used FROM account_usage
WHERE account = %(account)s AND period = ANY(%(periods)s)

-- name: list_periods
-- The newest periods of one kind, `d`, `w` or `m`: their names sort by time.
SELECT period, used FROM account_usage
WHERE account = %(account)s AND period >= %(kind)s AND period < %(next_kind)s
ORDER BY period DESC LIMIT %(limit)s
