-- Texts of phones that belong to accounts: which ones, and those that wait for programs.

-- name: find_routes
SELECT number, word, account FROM text_routes

-- name: count_of_accounts
SELECT account, count(*) FROM account_texts WHERE account = ANY(%(accounts)b::text[]) GROUP BY account

-- name: count_of_senders
SELECT account, number_hash, count(*) FROM account_texts
WHERE number_hash = ANY(%(hashes)b::bytea[]) GROUP BY account, number_hash

-- name: add_texts
-- Each goes out over the way of its account: as a deliver_sm, or as a call.
WITH given AS (
    SELECT * FROM unnest(
        %(accounts)b::text[], %(text_ids)b::uuid[], %(hashes)b::bytea[], %(sealed)b::bytea[],
        %(received)b::timestamptz[]
    ) WITH ORDINALITY AS given (account, text_id, number_hash, sealed, received_at, ordinal)
), added AS (
    INSERT INTO account_texts (account, text_id, number_hash, sealed, received_at)
    SELECT account, text_id, number_hash, sealed, received_at FROM given ORDER BY ordinal
    RETURNING id, account, text_id, received_at
), over_smpp AS (
    INSERT INTO smpp_deliveries (account, done_at, text)
    SELECT account, received_at, id FROM added JOIN accounts USING (account)
    WHERE texts_over = 'smpp' ORDER BY id
)
INSERT INTO callbacks (account, topic_id, type, body, created_at, due_at, text)
SELECT account, text_id, 'text.received',
       json_build_object(
           'type', 'text.received',
           'timestamp', to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'data', json_build_object('id', text_id)
       )::text,
       now(), now(), id
FROM added JOIN accounts USING (account) WHERE texts_over = 'http' ORDER BY id

-- name: put_route
INSERT INTO text_routes (number, word, account) VALUES (%(number)s, %(word)s, %(account)s)
ON CONFLICT (number, word) DO UPDATE SET account = excluded.account, added_at = now()
WHERE text_routes.account <> excluded.account

-- name: delete_route
DELETE FROM text_routes WHERE number = %(number)s AND word = %(word)s AND account = %(account)s

-- name: list_routes
-- With how many texts wait for the account.
SELECT account, text_routes.number, word, texts_over, added_at,
       (SELECT count(*) FROM account_texts WHERE account_texts.account = text_routes.account)
FROM text_routes JOIN accounts USING (account)
WHERE %(account)s::text IS NULL OR account = %(account)s
ORDER BY account, text_routes.number, word

-- name: set_way
UPDATE accounts SET texts_over = %(way)s WHERE account = %(account)s AND texts_over <> %(way)s

-- name: move_to_smpp
-- Texts that wait to be called for go the new way.
WITH moved AS (
    DELETE FROM callbacks WHERE account = %(account)s AND text IS NOT NULL RETURNING text
)
INSERT INTO smpp_deliveries (account, done_at, text)
SELECT account, received_at, id FROM account_texts JOIN moved ON moved.text = account_texts.id
ORDER BY id

-- name: move_to_http
WITH moved AS (
    DELETE FROM smpp_deliveries WHERE account = %(account)s AND text IS NOT NULL RETURNING text
)
INSERT INTO callbacks (account, topic_id, type, body, created_at, due_at, text)
SELECT account, text_id, 'text.received',
       json_build_object(
           'type', 'text.received',
           'timestamp', to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'data', json_build_object('id', text_id)
       )::text,
       now(), now(), id
FROM account_texts JOIN moved ON moved.text = account_texts.id ORDER BY id

-- name: sweep_texts
DELETE FROM account_texts WHERE created_at < %(before)s
