-- transactional: false
-- Answers about subscriptions read the last stop or start of a person from the log, however long
-- the person's stream is. Built while the workers go on; an interrupted build is begun again.

DROP INDEX IF EXISTS events_of_subscriptions;

CREATE INDEX CONCURRENTLY events_of_subscriptions ON events (stream_id, version)
    WHERE type LIKE 'subscription.%';
