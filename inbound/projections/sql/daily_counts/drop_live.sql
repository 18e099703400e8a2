DROP TABLE IF EXISTS projections.daily_counts
