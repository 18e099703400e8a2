-- transactional: false
-- What the desk looks up among many rows: messages by the id that an SMS centre gave them, calls
-- that have failed, and broadcasts by their age. Built while the service goes on; an interrupted
-- build is begun again. Calls that succeed are in neither index of calls.

DROP INDEX IF EXISTS smsc_messages_centre_id;
DROP INDEX IF EXISTS smsc_messages_of_orders;
DROP INDEX IF EXISTS callbacks_dead;
DROP INDEX IF EXISTS callbacks_failed;
DROP INDEX IF EXISTS broadcasts_by_age;

CREATE INDEX CONCURRENTLY smsc_messages_centre_id ON smsc_messages (smsc_message_id);
CREATE INDEX CONCURRENTLY smsc_messages_of_orders ON smsc_messages (message_id)
    WHERE order_id IS NOT NULL;
CREATE INDEX CONCURRENTLY callbacks_dead ON callbacks (account, id) WHERE dead_at IS NOT NULL;
CREATE INDEX CONCURRENTLY callbacks_failed ON callbacks (account, id) WHERE error IS NOT NULL;
CREATE INDEX CONCURRENTLY broadcasts_by_age ON broadcasts (created_at, broadcast_id);
