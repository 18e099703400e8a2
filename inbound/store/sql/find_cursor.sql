SELECT position FROM outbox_cursors WHERE feed = %(feed)s AND shard = %(shard)s
