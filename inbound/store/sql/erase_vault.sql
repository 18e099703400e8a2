DELETE FROM vault WHERE message_id = ANY(%(message_ids)b::uuid[])
