-- transactional: false
-- People search the audit by time, actor and action. Built while the service goes on; an
-- interrupted build is begun again.

DROP INDEX IF EXISTS audit_by_time;
DROP INDEX IF EXISTS audit_of_actors;
DROP INDEX IF EXISTS audit_of_actions;

CREATE INDEX CONCURRENTLY audit_by_time ON audit (at, id);
CREATE INDEX CONCURRENTLY audit_of_actors ON audit (actor, at, id);
CREATE INDEX CONCURRENTLY audit_of_actions ON audit (action, at, id);
