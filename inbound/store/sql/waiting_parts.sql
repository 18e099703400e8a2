-- Long texts of one number that are not whole yet.
SELECT total, array_agg(sequence ORDER BY received_at), min(received_at), max(received_at)
FROM mo_parts
WHERE number_hash = %(number_hash)s AND NOT whole
GROUP BY bind, destination, reference, total
ORDER BY min(received_at) DESC
LIMIT %(limit)s
