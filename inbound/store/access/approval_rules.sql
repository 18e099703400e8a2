-- When a second person has to approve something.

-- name: publish_rules
INSERT INTO approval_rules (broadcasts_above, senders)
VALUES (%(broadcasts_above)s, %(senders)s)
ON CONFLICT (singleton) DO UPDATE
SET broadcasts_above = excluded.broadcasts_above, senders = excluded.senders, published_at = now()

-- name: find_rules
SELECT broadcasts_above, senders FROM approval_rules

-- name: has_other_people
-- Whether a person other than this one has done anything but sign in. Tokens and accounts are
-- programs, and the ingress bans by itself.
SELECT EXISTS (
    SELECT FROM audit
    WHERE actor <> %(actor)s AND actor NOT LIKE 'token %%' AND actor NOT LIKE 'account %%'
      AND action NOT LIKE 'desk.%%' AND action NOT LIKE 'ingress.%%'
)
