-- Two parts of one message that arrive at two workers must see each other.
SELECT pg_advisory_xact_lock(hashtextextended(
    concat_ws('/', 'scserv parts', encode(%(number_hash)s::bytea, 'hex'), %(bind)s::text,
              %(destination)s::text, %(reference)s::integer, %(total)s::integer), 0))
