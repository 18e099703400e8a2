DROP TABLE IF EXISTS projections.requests
