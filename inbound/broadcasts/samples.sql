-- Samples of what recipients get.

-- name: count_languages
-- How many recipients get the text of which language, and the first of each.
SELECT CASE WHEN language = ANY(%(languages)s) THEN language ELSE %(default_language)s END AS sent,
       count(*), min(no)
FROM broadcast_recipients LEFT JOIN clients USING (number_hash)
WHERE broadcast_id = %(broadcast_id)s
GROUP BY sent ORDER BY min(no)
