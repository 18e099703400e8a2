-- What keeps the table from being changed by mistake, as far as it is in force.
SELECT tgname FROM pg_trigger
WHERE tgrelid = 'events'::regclass AND tgname = 'events_are_append_only' AND tgenabled = 'O'
UNION ALL
SELECT conname FROM pg_constraint
WHERE conrelid = 'events'::regclass AND conname = 'events_have_digests'
UNION ALL
SELECT conname FROM pg_constraint
WHERE conrelid = 'events'::regclass AND conname = 'events_stream_id_version_key'
