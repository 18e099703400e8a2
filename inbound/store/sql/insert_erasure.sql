WITH recorded AS (
    INSERT INTO audit (actor, action, subject_id, reason)
    VALUES (%(actor)s, 'erase', %(subject_id)s, %(reason)s)
)
INSERT INTO erasures (actor, reason, subject_id, removed)
VALUES (%(actor)s, %(reason)s, %(subject_id)s, %(removed)s::json)
RETURNING id
