-- From here to commit nobody else can append, so positions appear in commit order and no
-- reader can pass one that is not there yet.
SELECT pg_advisory_xact_lock(hashtextextended('scserv log', 0))
