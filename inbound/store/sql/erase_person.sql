-- Removes what leads from a number to anybody: by the number's hash, and of the subject what
-- is kept for a while. The log keeps the subject id alone. Rows of the outbox name the hash
-- beside the subject; those that were published go, the others are still to be.
WITH subject AS (
    DELETE FROM subjects WHERE number_hash = %(number_hash)s RETURNING 1
), client AS (
    DELETE FROM clients WHERE number_hash = %(number_hash)s RETURNING 1
), parts AS (
    DELETE FROM mo_parts WHERE number_hash = %(number_hash)s RETURNING 1
), missed AS (
    DELETE FROM misses WHERE number_hash = %(number_hash)s RETURNING 1
), sent AS (
    DELETE FROM smsc_messages WHERE subject_id = %(subject_id)s RETURNING 1
), early AS (
    DELETE FROM early_receipts WHERE subject_id = %(subject_id)s RETURNING 1
), secret AS (
    DELETE FROM vault WHERE message_id = ANY(%(secrets)b::uuid[]) RETURNING 1
), aside AS (
    DELETE FROM parked
    WHERE number_hash = %(number_hash)s OR id = ANY(%(parked)b::bigint[]) RETURNING 1
), published AS (
    DELETE FROM outbox USING outbox_cursors AS done
    WHERE done.feed = 'outbox' AND done.shard = outbox.shard AND outbox.position <= done.position
      AND outbox.key = encode(%(number_hash)s, 'hex') RETURNING 1
)
SELECT (SELECT count(*) FROM subject), (SELECT count(*) FROM client),
       (SELECT count(*) FROM parts), (SELECT count(*) FROM missed),
       (SELECT count(*) FROM sent), (SELECT count(*) FROM early), (SELECT count(*) FROM secret),
       (SELECT count(*) FROM aside), (SELECT count(*) FROM published)
