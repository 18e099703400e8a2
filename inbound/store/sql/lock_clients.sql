-- One import at a time from here to commit; readers go on with what was there before.
LOCK TABLE clients IN SHARE ROW EXCLUSIVE MODE
