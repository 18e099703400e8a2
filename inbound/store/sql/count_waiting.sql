-- How many rows of a shard wait to be published, counted no further than is worth knowing.
SELECT count(*) FROM (
    SELECT FROM outbox
    WHERE shard = %(shard)s AND position > coalesce(
        (SELECT position FROM outbox_cursors WHERE feed = 'outbox' AND shard = %(shard)s), 0)
    LIMIT %(limit)s
) AS waiting
