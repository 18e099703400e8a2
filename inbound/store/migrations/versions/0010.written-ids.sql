-- The centre's id of a part as its answer wrote it, where that is not the key under which
-- receipts are looked for: query_sm has to ask by what was written.
ALTER TABLE smsc_messages ADD COLUMN written_id text;
