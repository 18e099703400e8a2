-- Accounts and their counters.

-- name: lock_accounts
-- Accounts whose decisions depend on their counters: transactions that accept orders of one of
-- them follow each other.
SELECT account FROM accounts
WHERE account = ANY(%(accounts)b::text[])
  AND (day_limit IS NOT NULL OR week_limit IS NOT NULL OR month_limit IS NOT NULL
       OR min_delay_s IS NOT NULL OR repeat_within_s IS NOT NULL OR balance IS NOT NULL
       OR rate_per_s IS NOT NULL)
ORDER BY account FOR NO KEY UPDATE

-- name: find_accounts
-- A statement of its own after lock_accounts: it sees what the last holder committed.
SELECT account, enabled, rights,
       ARRAY(SELECT sender FROM account_senders AS approved
             WHERE approved.account = accounts.account AND approved_at IS NOT NULL) AS senders,
       zone, day_limit, week_limit, month_limit, min_delay_s, repeat_within_s, max_parts, patterns,
       price_per_part, balance, rate_per_s, free_at
FROM accounts WHERE account = ANY(%(accounts)b::text[])

-- name: find_usage
SELECT account, period, used
FROM account_usage
JOIN unnest(%(accounts)b::text[], %(periods)b::text[]) AS given (account, period)
    USING (account, period)

-- name: add_usage
INSERT INTO account_usage AS stored (account, period, used)
SELECT account, period, used
FROM unnest(%(accounts)b::text[], %(periods)b::text[], %(used)b::bigint[])
    AS given (account, period, used)
ORDER BY account, period
ON CONFLICT (account, period) DO UPDATE SET used = stored.used + excluded.used

-- name: charge_accounts
UPDATE accounts SET balance = balance - given.amount
FROM unnest(%(accounts)b::text[], %(amounts)b::numeric[]) AS given (account, amount)
WHERE accounts.account = given.account AND accounts.balance IS NOT NULL

-- name: occupy_accounts
UPDATE accounts SET free_at = given.free_at
FROM unnest(%(accounts)b::text[], %(free_at)b::timestamptz[]) AS given (account, free_at)
WHERE accounts.account = given.account
