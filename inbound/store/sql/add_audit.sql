INSERT INTO audit (actor, action, subject_id, request_id, reason)
VALUES (%(actor)s, %(action)s, %(subject_id)s, %(request_id)s, %(reason)s)
RETURNING id, at, actor, action, subject_id, request_id, reason
