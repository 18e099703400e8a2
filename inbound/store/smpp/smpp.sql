-- Messages that programs submitted over SMPP.

-- name: copy_messages
COPY smpp_messages (
    message_id, account, order_id, number_hash, addresses, comment, words, digest, link,
    registered, parts, created_at
)
FROM STDIN (FORMAT binary)

-- name: mark_joined
-- The texts of these parts are in their order now.
UPDATE smpp_parts AS stored SET order_id = given.order_id, pdu = NULL
FROM unnest(%(accounts)b::text[], %(keys)b::bytea[], %(order_ids)b::uuid[])
    AS given (account, parts_key, order_id)
WHERE stored.account = given.account AND stored.parts_key = given.parts_key

-- name: add_receipts_of_ended
-- For ids that a program was given before their order was known to it.
INSERT INTO smpp_deliveries (account, message_id, state, done_at, error, receipt)
SELECT message.account, message.message_id, orders.state, orders.changed_at, orders.error,
       orders.receipt
FROM smpp_messages AS message JOIN orders USING (order_id)
WHERE message.message_id = ANY(%(message_ids)b::bigint[])
  AND (smpp_wants(message.registered, orders.state)
       OR (orders.channel IN ('mail', 'bot') AND orders.state = 'sent'
           AND message.registered & 3 IN (1, 3)))
ORDER BY message.message_id

-- name: set_answers
-- What the network told about the numbers of these orders. Not of an erased person.
UPDATE smpp_messages AS stored SET answer = given.answer
FROM unnest(%(order_ids)b::uuid[], %(answers)b::bytea[]) AS given (order_id, answer)
WHERE stored.order_id = given.order_id AND stored.number_hash IS NOT NULL

-- name: add_answers
-- The same of orders that did not come over SMPP.
INSERT INTO network_answers (order_id, number_hash, answer)
SELECT order_id, subjects.number_hash, given.answer
FROM unnest(%(order_ids)b::uuid[], %(answers)b::bytea[]) AS given (order_id, answer)
JOIN orders USING (order_id)
JOIN subjects USING (subject_id)
WHERE NOT EXISTS (SELECT FROM smpp_messages WHERE smpp_messages.order_id = given.order_id)
ON CONFLICT (order_id) DO UPDATE SET answer = excluded.answer

-- name: find_recent
-- The last message with each digest.
SELECT DISTINCT ON (digest) digest, order_id, link FROM smpp_messages
WHERE digest = ANY(%(digests)s::bytea[]) AND created_at > %(since)s AND order_id IS NOT NULL
ORDER BY digest, created_at DESC

-- name: add_message
-- One more id of an order that exists.
INSERT INTO smpp_messages (
    message_id, account, order_id, number_hash, addresses, comment, words, digest, link,
    registered, parts, created_at
)
VALUES (
    %(message_id)s, %(account)s, %(order_id)s, %(number_hash)s, %(addresses)s, %(comment)s,
    %(words)s, %(digest)s, %(link)s, %(registered)s, %(parts)s, %(created_at)s
)
ON CONFLICT (message_id) DO NOTHING

-- name: find_message
SELECT message.message_id, message.order_id, message.addresses,
       coalesce(orders.state, message.state, 'queued'),
       coalesce(orders.changed_at, message.created_at), orders.error, orders.receipt
FROM smpp_messages AS message LEFT JOIN orders USING (order_id)
WHERE message.message_id = %(message_id)s AND message.account = %(account)s
UNION ALL
(SELECT message_id, NULL, addresses, 'queued', arrived_at, NULL, NULL FROM smpp_parts
 WHERE message_id = %(message_id)s AND account = %(account)s AND order_id IS NULL LIMIT 1)

-- name: find_comments
SELECT DISTINCT ON (order_id) order_id, message_id, comment FROM smpp_messages
WHERE order_id = ANY(%(order_ids)s::uuid[]) AND comment IS NOT NULL
ORDER BY order_id, message_id

-- name: lock_parts
SELECT pg_advisory_xact_lock(hashtextextended(%(account)s || encode(%(parts_key)s, 'hex'), 67))

-- name: find_parts
SELECT sequence, total, message_id, pdu, digest, link, registered, order_id, arrived_at
FROM smpp_parts WHERE account = %(account)s AND parts_key = %(parts_key)s
ORDER BY sequence

-- name: count_parts
SELECT count(*) FROM smpp_parts WHERE account = %(account)s AND order_id IS NULL

-- name: add_part
INSERT INTO smpp_parts (
    account, parts_key, sequence, total, message_id, number_hash, addresses, pdu, digest, link,
    registered, arrived_at
)
VALUES (
    %(account)s, %(parts_key)s, %(sequence)s, %(total)s, %(message_id)s, %(number_hash)s,
    %(addresses)s, %(pdu)s, %(digest)s, %(link)s, %(registered)s, %(arrived_at)s
)
ON CONFLICT (account, parts_key, sequence) DO UPDATE
SET pdu = excluded.pdu, digest = excluded.digest, link = excluded.link,
    registered = excluded.registered, arrived_at = excluded.arrived_at

-- name: delete_parts
DELETE FROM smpp_parts WHERE account = %(account)s AND parts_key = %(parts_key)s

-- name: find_complete_parts
-- Messages that are complete, and that no process made an order of.
SELECT account, parts_key FROM smpp_parts
WHERE order_id IS NULL
GROUP BY account, parts_key, total
HAVING count(*) = total AND max(arrived_at) < %(before)s
LIMIT %(limit)s

-- name: expire_parts
-- Parts whose other parts never arrived: their message has expired, and its program is told.
WITH incomplete AS (
    SELECT account, parts_key FROM smpp_parts
    WHERE order_id IS NULL GROUP BY account, parts_key, total
    HAVING count(*) < total AND max(arrived_at) < %(before)s
), gone AS (
    DELETE FROM smpp_parts USING incomplete
    WHERE smpp_parts.account = incomplete.account AND smpp_parts.parts_key = incomplete.parts_key
      AND smpp_parts.order_id IS NULL
    RETURNING smpp_parts.*
), expired AS (
    INSERT INTO smpp_messages (
        message_id, account, number_hash, addresses, digest, link, registered, parts, state,
        created_at
    )
    SELECT DISTINCT ON (message_id)
           message_id, account, number_hash, addresses, digest, link, registered, total, 'expired',
           arrived_at
    FROM gone ORDER BY message_id, sequence
    RETURNING account, message_id, registered
), told AS (
    INSERT INTO smpp_deliveries (account, message_id, state, done_at)
    SELECT account, message_id, 'expired', %(now)s FROM expired
    WHERE smpp_wants(registered, 'expired') ORDER BY message_id
)
SELECT count(*) FROM expired

-- name: reject_parts
-- A whole message that can't become an order: its program, which has its id, is told.
WITH gone AS (
    DELETE FROM smpp_parts
    WHERE account = %(account)s AND parts_key = %(parts_key)s AND order_id IS NULL RETURNING *
), rejected AS (
    INSERT INTO smpp_messages (
        message_id, account, number_hash, addresses, digest, link, registered, parts, state,
        created_at
    )
    SELECT DISTINCT ON (message_id)
           message_id, account, number_hash, addresses, digest, link, registered, total, 'refused',
           arrived_at
    FROM gone ORDER BY message_id, sequence
    RETURNING account, message_id, registered
)
INSERT INTO smpp_deliveries (account, message_id, state, done_at)
SELECT account, message_id, 'refused', %(now)s FROM rejected
WHERE smpp_wants(registered, 'refused') ORDER BY message_id

-- name: find_rate
SELECT rate_per_s FROM accounts WHERE account = %(account)s

-- name: sweep_joined_parts
DELETE FROM smpp_parts WHERE order_id IS NOT NULL AND arrived_at < %(before)s

-- name: sweep_messages
-- Those whose order is kept no longer.
DELETE FROM smpp_messages AS message
WHERE created_at < %(before)s
  AND NOT EXISTS (SELECT FROM orders WHERE orders.order_id = message.order_id)

-- name: sweep_deliveries
DELETE FROM smpp_deliveries WHERE created_at < %(before)s
