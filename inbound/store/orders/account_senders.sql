-- Senders of accounts as people manage them.

-- name: lock_account
SELECT 1 FROM accounts WHERE account = %(account)s FOR NO KEY UPDATE

-- name: list_senders
SELECT account, sender, requested_by, requested_at, approved_by, approved_at
FROM account_senders WHERE %(account)s::text IS NULL OR account = %(account)s
ORDER BY account, sender

-- name: add_sender
INSERT INTO account_senders (account, sender, requested_by)
VALUES (%(account)s, %(sender)s, %(actor)s)
ON CONFLICT (account, sender) DO NOTHING

-- name: approve_sender
UPDATE account_senders SET approved_by = %(actor)s, approved_at = now()
WHERE account = %(account)s AND sender = %(sender)s AND approved_at IS NULL

-- name: find_sender
SELECT account, sender, requested_by, requested_at, approved_by, approved_at
FROM account_senders WHERE account = %(account)s AND sender = %(sender)s

-- name: delete_sender
DELETE FROM account_senders WHERE account = %(account)s AND sender = %(sender)s
