DROP TABLE IF EXISTS daily_counts
