SELECT pg_advisory_unlock(hashtext('scserv ' || %(work)s::text), hashtext(%(name)s))
