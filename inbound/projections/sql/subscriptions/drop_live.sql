DROP TABLE IF EXISTS projections.subscriptions
