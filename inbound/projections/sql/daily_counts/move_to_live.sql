ALTER TABLE daily_counts SET SCHEMA projections
