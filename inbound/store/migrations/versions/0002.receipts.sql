-- Where delivery receipts find their messages. Both tables are short-lived: what a message
-- became stands in the events.

-- One row for each part to which the centre gave an id. Receipts are looked for among the
-- parts of one person, so the key is the only index; the sweep may read the whole table.
-- Room on the page: a row is updated once, soon after it was written, and that is HOT.
CREATE TABLE smsc_messages (
    subject_id      uuid        NOT NULL,
    message_id      uuid        NOT NULL,
    part            smallint    NOT NULL,
    parts           smallint    NOT NULL,
    request_id      uuid,
    purpose         text        NOT NULL,
    template        text        NOT NULL,
    centre          text        NOT NULL,
    smsc_message_id text        NOT NULL,
    submitted_at    timestamptz NOT NULL,
    traceparent     text,
    state           text,
    final           boolean     NOT NULL DEFAULT false,
    error           text,
    -- The centre's clock, in a zone that it does not name.
    done_at         timestamp,
    PRIMARY KEY (subject_id, message_id, part)
) WITH (fillfactor = 70);

-- Receipts that came before the result of their message was processed. The key makes a
-- receipt that comes twice one row. Nearly always empty.
CREATE TABLE early_receipts (
    subject_id      uuid        NOT NULL,
    centre          text        NOT NULL,
    smsc_message_id text        NOT NULL,
    state           text        NOT NULL,
    receipt         json        NOT NULL,
    arrived_at      timestamptz NOT NULL,
    PRIMARY KEY (subject_id, centre, smsc_message_id, state)
);
