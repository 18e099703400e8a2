SELECT count(*) FROM subscriptions
