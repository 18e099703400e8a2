-- Samples of what recipients get.

-- name: count_languages
-- How many recipients get the text of which language, and the first of each.
SELECT CASE WHEN language = ANY(%(languages)s) THEN language ELSE %(default_language)s END AS sent,
       count(*), min(no)
FROM broadcast_recipients LEFT JOIN clients USING (number_hash)
WHERE broadcast_id = %(broadcast_id)s
GROUP BY sent ORDER BY min(no)

-- name: find_previewed
-- The first recipients, and others by their numbers, with the languages of the directory now.
SELECT no, row_no, number_hash, recipients.number_sealed, fields_sealed, language
FROM broadcast_recipients AS recipients LEFT JOIN clients USING (number_hash)
WHERE broadcast_id = %(broadcast_id)s AND (no <= %(first)s OR no = ANY(%(others)s::integer[]))
ORDER BY no

-- name: find_largest
-- The recipients with the most to fill in. Reads the whole audience.
SELECT no FROM broadcast_recipients
WHERE broadcast_id = %(broadcast_id)s AND fields_sealed IS NOT NULL
ORDER BY length(fields_sealed) DESC, no LIMIT %(limit)s
