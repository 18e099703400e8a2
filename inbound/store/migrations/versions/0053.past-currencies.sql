-- The currencies that accounts had before. Amounts in orders and events have no currency of their
-- own: it is that of the account at their time. `to_current` is what one unit is worth in the
-- currency that the account has now, as the person who changed it said; NULL: nobody said it, and
-- amounts of that time are not given back to a balance.
CREATE TABLE account_currencies (
    account    text        NOT NULL REFERENCES accounts,
    changed_at timestamptz NOT NULL,
    currency   text        NOT NULL,
    to_current numeric     CHECK (to_current > 0),
    PRIMARY KEY (account, changed_at)
);

CREATE FUNCTION currency_at(of_account text, moment timestamptz) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT coalesce(
        (SELECT currency FROM account_currencies
         WHERE account = of_account AND changed_at > moment ORDER BY changed_at LIMIT 1),
        (SELECT currency FROM accounts WHERE account = of_account)
    )
$$;
