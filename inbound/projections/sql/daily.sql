SELECT day, type, command, purpose, outcome, count FROM projections.daily_counts
WHERE day BETWEEN %(since)s AND %(until)s
ORDER BY day, type COLLATE "C", command COLLATE "C", purpose COLLATE "C", outcome COLLATE "C"
