-- Lines with a number that an earlier line of the file had.
SELECT line, first_line, number_hash, number_sealed
FROM (
    SELECT line, number_hash, number_sealed,
           min(line) OVER (PARTITION BY number_hash) AS first_line
    FROM incoming_clients
) AS lines
WHERE line > first_line
ORDER BY line
