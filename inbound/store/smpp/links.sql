-- The links of programs in all processes.

-- name: lock_account_links
SELECT pg_advisory_xact_lock(hashtextextended('smpp links ' || %(account)s, 72))

-- name: end_surplus
-- The oldest links of the account that are too many beside a new one. Transmitters and receivers
-- count apart. Of its own links the process knows which are open.
DELETE FROM smpp_links
WHERE link IN (
    SELECT link FROM smpp_links
    WHERE account = %(account)s AND until > now()
      AND (receives AND %(receives)s OR transmits AND %(transmits)s)
      AND (holder <> %(holder)s OR link = ANY(%(open_links)s::uuid[]))
    ORDER BY bound_at DESC OFFSET %(most)s - 1
)

-- name: add_link
INSERT INTO smpp_links (link, account, holder, receives, transmits, until)
VALUES (%(link)s, %(account)s, %(holder)s, %(receives)s, %(transmits)s, now() + %(lease)s)

-- name: forget_links
-- Those that this process has no more, and of processes that are long gone. A link that is being
-- bound is not known to its process yet.
DELETE FROM smpp_links
WHERE link = ANY(%(closed)s::uuid[])
   OR holder = %(holder)s AND link <> ALL(%(links)s::uuid[])
      AND bound_at < clock_timestamp() - interval '10 seconds'
   OR until < now() - interval '1 day'

-- name: renew_links
UPDATE smpp_links SET until = now() + %(lease)s, submitted = given.submitted
FROM unnest(%(links)s::uuid[], %(submitted)s::real[]) AS given (link, submitted)
WHERE smpp_links.link = given.link AND smpp_links.holder = %(holder)s
RETURNING smpp_links.link

-- name: find_others
SELECT link, account, holder, submitted FROM smpp_links
WHERE holder <> %(holder)s AND until > now()
