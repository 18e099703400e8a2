SELECT count(*) FROM daily_counts
