-- When the centre was last asked about a part whose receipt is overdue.
ALTER TABLE smsc_messages ADD COLUMN queried_at timestamptz;
