-- Callbacks: written with what they tell, taken by the schedulers.

-- name: add_order_callbacks
-- After the orders were changed: a change that did not take effect is not told.
INSERT INTO callbacks (account, topic_id, type, body, created_at, due_at)
SELECT orders.account, orders.order_id, 'message.' || orders.state,
       json_build_object(
           'type', 'message.' || orders.state,
           'timestamp', to_char(given.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'data', json_strip_nulls(json_build_object(
               'id', orders.order_id, 'state', orders.state, 'reason', orders.reason,
               'kind', orders.kind, 'parts', orders.parts, 'broadcast_id', orders.broadcast_id,
               'receipt', CASE WHEN orders.state = 'undelivered' THEN orders.receipt END,
               'error', CASE WHEN orders.state = 'undelivered' THEN orders.error END,
               'message_ids', (
                   SELECT json_agg(message_id::text ORDER BY message_id) FROM smpp_messages
                   WHERE smpp_messages.order_id = orders.order_id
               )
           ))
       )::text,
       given.at, given.at
FROM unnest(%(order_ids)b::uuid[], %(states)b::text[], %(at)b::timestamptz[])
    AS given (order_id, state, at)
JOIN orders ON orders.order_id = given.order_id AND orders.state = given.state
JOIN callback_urls USING (account)
WHERE CASE form
    -- Its programs know a message by the id that they got, so others can't be told.
    WHEN 'smsc' THEN
        EXISTS (SELECT FROM smsc_ids WHERE smsc_ids.order_id = orders.order_id)
        OR orders.callback AND EXISTS (
            SELECT FROM smpp_messages WHERE smpp_messages.order_id = orders.order_id
        )
    ELSE orders.callback
END
ON CONFLICT (topic_id, account, type) DO NOTHING

-- name: name_orders
-- For accounts that are called in the form of SMSC.
INSERT INTO smsc_ids (order_id, sealed)
SELECT order_id, given.sealed
FROM unnest(%(order_ids)b::uuid[], %(sealed)b::bytea[]) AS given (order_id, sealed)
JOIN orders USING (order_id)
JOIN callback_urls USING (account)
WHERE callback_urls.form = 'smsc'
ON CONFLICT (order_id) DO NOTHING

-- name: add_command_callbacks
INSERT INTO callbacks (account, topic_id, type, body, created_at, due_at)
SELECT account, given.request_id, 'command.accepted',
       json_build_object(
           'type', 'command.accepted',
           'timestamp', to_char(given.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'data', json_build_object(
               'subject_id', given.subject_id, 'request_id', given.request_id,
               'command', given.command
           )
       )::text,
       given.at, given.at
FROM unnest(%(subject_ids)b::uuid[], %(request_ids)b::uuid[], %(commands)b::text[],
            %(at)b::timestamptz[]) AS given (subject_id, request_id, command, at)
CROSS JOIN callback_urls
WHERE callback_urls.commands
ON CONFLICT (topic_id, account, type) DO NOTHING

-- name: accounts_with_due_callbacks
SELECT account FROM callback_urls
WHERE EXISTS (
    SELECT FROM callbacks
    WHERE callbacks.account = callback_urls.account AND dead_at IS NULL AND due_at <= %(now)s
)

-- name: take_callbacks
-- Due calls of one account, the first of each topic, and of texts the first of each sender. They are
-- due again after a lease, so that those of a process that was killed are made by another one.
WITH taken AS (
    SELECT id FROM callbacks AS first
    WHERE account = %(account)s AND dead_at IS NULL AND due_at <= %(now)s
      AND NOT EXISTS (
          SELECT FROM callbacks AS earlier
          WHERE earlier.topic_id = first.topic_id AND earlier.account = first.account
            AND earlier.id < first.id AND earlier.dead_at IS NULL
      )
      AND NOT EXISTS (
          SELECT FROM account_texts AS mine
          JOIN account_texts AS before
              ON before.number_hash = mine.number_hash AND before.account = mine.account
                 AND before.id < mine.id
          JOIN callbacks AS earlier ON earlier.text = before.id AND earlier.dead_at IS NULL
          WHERE mine.id = first.text
      )
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), renewed AS (
    UPDATE callbacks SET due_at = %(until)s, attempts = attempts + 1
    FROM taken, callback_urls
    WHERE callbacks.id = taken.id AND callback_urls.account = %(account)s
    RETURNING callbacks.id, callback_id, topic_id, body, callbacks.created_at, attempts, url,
        secret, CASE WHEN previous_until > %(now)s THEN previous_secret END, private_allowed,
        (SELECT sealed FROM account_texts WHERE account_texts.id = callbacks.text), form
)
SELECT renewed.*, smsc_ids.sealed, orders.channel, orders.subject_id, subjects.number_sealed,
       told.answer, told.number_hash
FROM renewed
LEFT JOIN orders ON form = 'smsc' AND orders.order_id = topic_id
LEFT JOIN smsc_ids ON smsc_ids.order_id = orders.order_id
LEFT JOIN subjects ON subjects.subject_id = orders.subject_id
LEFT JOIN LATERAL (
    SELECT answer, number_hash FROM network_answers
    WHERE network_answers.order_id = orders.order_id
    UNION ALL
    SELECT answer, number_hash FROM smpp_messages
    WHERE smpp_messages.order_id = orders.order_id AND answer IS NOT NULL
    LIMIT 1
) AS told ON true

-- name: finish_callbacks
WITH made AS (
    DELETE FROM callbacks WHERE id = ANY(%(ids)s::bigint[]) RETURNING text
)
DELETE FROM account_texts USING made WHERE account_texts.id = made.text

-- name: postpone_callback
UPDATE callbacks SET due_at = %(due_at)s, error = %(error)s, dead_at = %(dead_at)s
WHERE id = %(id)s

-- name: set_url
INSERT INTO callback_urls (account, url, secret, commands, private_allowed, form)
VALUES (%(account)s, %(url)s, %(secret)s, %(commands)s, %(private_allowed)s, %(form)s)
ON CONFLICT (account) DO UPDATE
SET url = excluded.url, secret = excluded.secret, commands = excluded.commands,
    form = excluded.form, private_allowed = excluded.private_allowed, previous_secret = NULL, previous_until = NULL,
    changed_at = now()

-- name: rotate_secret
UPDATE callback_urls
SET previous_secret = secret, previous_until = %(until)s, secret = %(secret)s
WHERE account = %(account)s

-- name: forget_previous_secrets
UPDATE callback_urls SET previous_secret = NULL, previous_until = NULL
WHERE previous_until < %(now)s

-- name: remove_url
DELETE FROM callback_urls WHERE account = %(account)s

-- name: remove_callbacks
-- Texts stay: they belong to the account and not to the URL.
DELETE FROM callbacks WHERE account = %(account)s AND text IS NULL

-- name: list_urls
-- Counts by the indexes callbacks_due and callbacks_dead, the newest error by callbacks_failed.
SELECT account, url, commands, private_allowed, form, changed_at, previous_until,
       (SELECT count(*) FROM callbacks
        WHERE callbacks.account = callback_urls.account AND dead_at IS NULL) AS waiting,
       (SELECT count(*) FROM callbacks
        WHERE callbacks.account = callback_urls.account AND dead_at IS NOT NULL) AS dead,
       (SELECT error FROM callbacks
        WHERE callbacks.account = callback_urls.account AND error IS NOT NULL
        ORDER BY id DESC LIMIT 1) AS error
FROM callback_urls
WHERE %(account)s::text IS NULL OR account = %(account)s::text
ORDER BY account

-- name: list_dead
SELECT callback_id, type, topic_id, (body::json ->> 'timestamp')::timestamptz AS told_at, dead_at,
       attempts, error
FROM callbacks WHERE account = %(account)s AND dead_at IS NOT NULL
ORDER BY id LIMIT %(limit)s

-- name: retry_dead
UPDATE callbacks SET dead_at = NULL, due_at = %(now)s, created_at = %(now)s, attempts = 0
WHERE account = %(account)s AND dead_at IS NOT NULL
  AND (%(callback_ids)s::uuid[] IS NULL OR callback_id = ANY(%(callback_ids)s::uuid[]))

-- name: sweep_callbacks
-- Dead ones that nobody wanted, and those of accounts without a URL.
DELETE FROM callbacks
WHERE dead_at < %(before)s
   OR created_at < %(before)s AND account NOT IN (SELECT account FROM callback_urls)
