-- Removes what leads from a number to the subject; the log keeps the subject id alone.
WITH subject AS (
    DELETE FROM subjects WHERE subject_id = %(subject_id)s RETURNING number_hash
), parts AS (
    DELETE FROM mo_parts USING subject WHERE mo_parts.number_hash = subject.number_hash
    RETURNING 1
), missed AS (
    DELETE FROM misses USING subject WHERE misses.number_hash = subject.number_hash
    RETURNING 1
), sent AS (
    DELETE FROM smsc_messages WHERE subject_id = %(subject_id)s
), early AS (
    DELETE FROM early_receipts WHERE subject_id = %(subject_id)s
)
SELECT (SELECT count(*) FROM subject), (SELECT count(*) FROM parts), (SELECT count(*) FROM missed)
