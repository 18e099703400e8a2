-- What is kept under the hash of a number, whether or not it has a subject.
WITH parts AS (
    DELETE FROM mo_parts WHERE number_hash = %(number_hash)s RETURNING 1
), missed AS (
    DELETE FROM misses WHERE number_hash = %(number_hash)s RETURNING 1
)
SELECT 0, (SELECT count(*) FROM parts), (SELECT count(*) FROM missed)
