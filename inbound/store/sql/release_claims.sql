-- Claims of messages that were not sent after all: as if nobody had claimed them. A second
-- attempt stays claimed, because of the first nobody knows what became.
DELETE FROM mt_claims
WHERE message_id = ANY(%(message_ids)b::uuid[]) AND gateway = %(gateway)s AND attempt = 1
