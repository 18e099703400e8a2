DELETE FROM incoming_clients AS later
USING (
    SELECT number_hash, min(line) AS line
    FROM incoming_clients GROUP BY number_hash HAVING count(*) > 1
) AS first
WHERE later.number_hash = first.number_hash AND later.line > first.line
