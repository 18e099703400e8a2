COPY (
    SELECT day, type, command, purpose, outcome, count
    FROM daily_counts
    ORDER BY day, type COLLATE "C", command COLLATE "C", purpose COLLATE "C", outcome COLLATE "C"
) TO STDOUT
