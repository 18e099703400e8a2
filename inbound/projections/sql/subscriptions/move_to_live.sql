ALTER TABLE subscriptions SET SCHEMA projections
