COPY incoming_daily_counts (day, type, command, purpose, outcome, count) FROM STDIN
