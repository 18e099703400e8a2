-- Subjects, their sealed numbers, and erasure.

-- name: find_subjects
SELECT number_hash, subject_id FROM subjects WHERE number_hash = ANY(%(hashes)b::bytea[])

-- name: find_senders
-- A row for each of these MOs that was processed, for each of these people, and for each account
-- that is told of commands. A person without a stored state has nulls.
SELECT mo_id, NULL AS number_hash, NULL AS subject_id, NULL AS version, NULL AS state_version,
       NULL AS state, NULL AS account
FROM inbox WHERE mo_id = ANY(%(mo_ids)b::uuid[])
UNION ALL
SELECT NULL, number_hash, subject_id, version, state_version, state, NULL
FROM subjects LEFT JOIN subject_states ON stream_id = subject_id
WHERE number_hash = ANY(%(hashes)b::bytea[])
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, account FROM callback_urls WHERE commands

-- name: find_recipients
-- The stored states of these subjects; a row for each of these people, without one with nulls.
SELECT NULL AS number_hash, stream_id AS subject_id, version, state_version, state
FROM subject_states WHERE stream_id = ANY(%(subject_ids)b::uuid[])
UNION ALL
SELECT number_hash, subject_id, version, state_version, state
FROM subjects LEFT JOIN subject_states ON stream_id = subject_id
WHERE number_hash = ANY(%(hashes)b::bytea[])

-- name: add_subjects
-- Waits for a transaction that is adding the same number, and then adds nothing and returns no row.
-- Ordered, so that two batches with the same numbers don't deadlock.
INSERT INTO subjects (subject_id, number_hash, number_sealed)
SELECT subject_id, number_hash, number_sealed
FROM unnest(%(subject_ids)b::uuid[], %(hashes)b::bytea[], %(sealed)b::bytea[])
    AS new (subject_id, number_hash, number_sealed)
ORDER BY number_hash
ON CONFLICT (number_hash) DO NOTHING
RETURNING number_hash, subject_id

-- name: find_sealed_numbers
SELECT subject_id, number_sealed FROM subjects WHERE subject_id = ANY(%(subject_ids)b::uuid[])

-- name: find_erased_subjects
-- By their events, which are never deleted.
SELECT DISTINCT stream_id FROM events
WHERE stream_id = ANY(%(subject_ids)b::uuid[]) AND type = 'person.erased'

-- name: find_hashes
SELECT number_hash FROM subjects WHERE subject_id = ANY(%(subject_ids)b::uuid[])

-- name: lock_broadcasts_of
-- Broadcasts that wait to reach this person: the pump places nobody of them until commit.
SELECT FROM broadcasts
WHERE broadcast_id IN (
    SELECT broadcast_id FROM broadcast_recipients WHERE number_hash = %(number_hash)s
)
ORDER BY broadcast_id FOR NO KEY UPDATE

-- name: erase_person
-- Deletes by the number's hash, and short-lived rows by subject. The log keeps only the subject
-- id. Outbox rows have the hash beside the subject: published ones are deleted here, the others
-- have yet to be published.
WITH subject AS (
    DELETE FROM subjects WHERE number_hash = %(number_hash)s RETURNING 1
), addresses AS (
    DELETE FROM client_addresses USING clients
    WHERE clients.number_hash = %(number_hash)s AND client_addresses.client_id = clients.client_id
), client AS (
    DELETE FROM clients WHERE number_hash = %(number_hash)s RETURNING 1
), parts AS (
    DELETE FROM mo_parts WHERE number_hash = %(number_hash)s RETURNING 1
), submitted AS (
    DELETE FROM smpp_parts WHERE number_hash = %(number_hash)s
), addressed AS (
    UPDATE smpp_messages SET number_hash = NULL, addresses = NULL, comment = NULL, words = NULL,
                             answer = NULL
    WHERE number_hash = %(number_hash)s
), told AS (
    DELETE FROM network_answers WHERE number_hash = %(number_hash)s
), named AS (
    DELETE FROM smsc_ids USING orders
    WHERE orders.subject_id = %(subject_id)s AND smsc_ids.order_id = orders.order_id
), rejected AS (
    DELETE FROM rejected_mos WHERE number_hash = %(number_hash)s RETURNING 1
), sent AS (
    DELETE FROM smsc_messages WHERE subject_id = %(subject_id)s RETURNING 1
), early AS (
    DELETE FROM early_receipts WHERE subject_id = %(subject_id)s RETURNING 1
), secret AS (
    DELETE FROM vault WHERE message_id = ANY(%(secrets)b::uuid[]) RETURNING 1
), aside AS (
    DELETE FROM dead_letters
    WHERE number_hash = %(number_hash)s OR id = ANY(%(dead_letters)b::bigint[]) RETURNING 1
), texts AS (
    DELETE FROM order_contents WHERE subject_id = %(subject_id)s RETURNING 1
), recipients AS (
    DELETE FROM broadcast_recipients AS recipient USING broadcasts
    WHERE recipient.number_hash = %(number_hash)s
      AND broadcasts.broadcast_id = recipient.broadcast_id
    RETURNING recipient.broadcast_id, recipient.no > broadcasts.cursor_no AS waits
), excluded AS (
    DELETE FROM broadcast_exclusions WHERE number_hash = %(number_hash)s RETURNING 1
), withheld AS (
    INSERT INTO broadcast_progress (broadcast_id, state, recipients)
    SELECT broadcast_id, 'erased', 1 FROM recipients WHERE waits
), waiting AS (
    -- Queued ones end with the result of their message.
    UPDATE orders SET state = 'erased', due_at = NULL, changed_at = now()
    WHERE subject_id = %(subject_id)s AND state = 'scheduled' RETURNING 1
), received AS (
    DELETE FROM account_texts WHERE number_hash = %(number_hash)s RETURNING 1
), refused AS (
    UPDATE orders SET stranger_hash = NULL WHERE stranger_hash = %(number_hash)s RETURNING 1
), published AS (
    DELETE FROM outbox USING outbox_cursors AS done
    WHERE done.feed = 'outbox' AND done.shard = outbox.shard AND outbox.position <= done.position
      AND outbox.key = encode(%(number_hash)s, 'hex') RETURNING 1
)
SELECT (SELECT count(*) FROM subject), (SELECT count(*) FROM client),
       (SELECT count(*) FROM parts), (SELECT count(*) FROM rejected),
       (SELECT count(*) FROM sent), (SELECT count(*) FROM early), (SELECT count(*) FROM secret),
       (SELECT count(*) FROM aside), (SELECT count(*) FROM published),
       (SELECT count(*) FROM texts),
       (SELECT count(*) FROM recipients) + (SELECT count(*) FROM excluded),
       (SELECT count(*) FROM waiting), (SELECT count(*) FROM refused),
       (SELECT count(*) FROM received)

-- name: scheduled_orders_of
SELECT order_id FROM orders
WHERE subject_id = %(subject_id)s AND state = 'scheduled' FOR UPDATE

-- name: insert_erasure
WITH recorded AS (
    INSERT INTO audit (actor, action, subject_id, reason)
    VALUES (%(actor)s, 'erase', %(subject_id)s, %(reason)s)
)
INSERT INTO erasures (actor, reason, subject_id, removed)
VALUES (%(actor)s, %(reason)s, %(subject_id)s, %(removed)s::json)
RETURNING id

-- name: list_erasures
-- The newest first.
SELECT id, erased_at, actor, reason, subject_id, removed
FROM erasures
WHERE %(before)s::bigint IS NULL OR id < %(before)s::bigint
ORDER BY id DESC
LIMIT %(limit)s
