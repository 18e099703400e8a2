-- Which of these messages have been processed before.
SELECT mo_id FROM inbox WHERE mo_id = ANY(%(mo_ids)b::uuid[])
