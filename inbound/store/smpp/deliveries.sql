-- Receipts that wait for the program that asked for them, and texts of phones for that of their account.

-- name: accounts_with_deliveries
SELECT account FROM unnest(%(accounts)s::text[], %(after)s::bigint[]) AS given (account, after)
WHERE EXISTS (
    SELECT FROM smpp_deliveries
    WHERE smpp_deliveries.account = given.account AND smpp_deliveries.id > given.after
)

-- name: hold_account
-- One row if this process may deliver to the account now.
INSERT INTO smpp_receivers AS stored (account, holder, until)
VALUES (%(account)s, %(holder)s, %(until)s)
ON CONFLICT (account) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE stored.holder = excluded.holder OR stored.until < %(now)s
RETURNING account

-- name: release_account
DELETE FROM smpp_receivers WHERE account = %(account)s AND holder = %(holder)s

-- name: find_deliveries
-- None about a message, or from a phone, of which another delivery is on its way.
SELECT delivery.id, delivery.message_id, delivery.state, delivery.done_at,
       coalesce(message.created_at, delivery.created_at), coalesce(message.parts, 1),
       message.addresses, delivery.error, message.answer, message.number_hash, received.text_id,
       received.number_hash, received.sealed, delivery.receipt
FROM smpp_deliveries AS delivery
LEFT JOIN smpp_messages AS message USING (message_id)
LEFT JOIN account_texts AS received ON received.id = delivery.text
WHERE delivery.account = %(account)s
  AND coalesce(delivery.message_id <> ALL(%(messages)s::bigint[]), true)
  AND coalesce(received.number_hash <> ALL(%(phones)s::bytea[]), true)
ORDER BY delivery.id LIMIT %(limit)s

-- name: finish_deliveries
WITH done AS (
    DELETE FROM smpp_deliveries WHERE id = ANY(%(ids)s::bigint[]) RETURNING text
)
DELETE FROM account_texts USING done WHERE account_texts.id = done.text

-- name: count_deliveries
SELECT count(*), min(created_at) FROM smpp_deliveries
