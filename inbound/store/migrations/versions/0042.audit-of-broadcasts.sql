-- transactional: false
-- What people did with a broadcast is read from the audit. Built while the service goes on; an
-- interrupted build is begun again.

DROP INDEX IF EXISTS audit_of_broadcasts;

CREATE INDEX CONCURRENTLY audit_of_broadcasts ON audit (request_id, id)
    WHERE action LIKE 'broadcast.%';
