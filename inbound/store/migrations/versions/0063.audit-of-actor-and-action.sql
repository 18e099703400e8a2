-- transactional: false
-- What one person did of one kind, which may be little among much. Built while the service goes on;
-- an interrupted build is begun again.

DROP INDEX IF EXISTS audit_of_actors_actions;

CREATE INDEX CONCURRENTLY audit_of_actors_actions ON audit (actor, action, at, id);
