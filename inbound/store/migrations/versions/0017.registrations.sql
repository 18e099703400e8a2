-- How many registrations were sent and held, by SMS centre and time: ceilings are checked by it.
CREATE TABLE registration_counts (
    began_at timestamptz NOT NULL,
    centre   text        NOT NULL,
    sent     integer     NOT NULL,
    held     integer     NOT NULL,
    PRIMARY KEY (began_at, centre)
);

-- Requests for registration data that wait for a person. Their events name the same.
CREATE TABLE held_registrations (
    request_id uuid        PRIMARY KEY,
    subject_id uuid        NOT NULL,
    centre     text        NOT NULL,
    bind       text        NOT NULL,
    reason     text        NOT NULL,
    held_at    timestamptz NOT NULL,
    until      timestamptz NOT NULL
);
CREATE INDEX held_registrations_until ON held_registrations (until);
CREATE INDEX held_registrations_subject ON held_registrations (subject_id);

-- One row: whether registrations are switched off, and by whom.
CREATE TABLE registration_switch (
    one        boolean     PRIMARY KEY DEFAULT true CHECK (one),
    off        boolean     NOT NULL DEFAULT false,
    changed_at timestamptz,
    changed_by text,
    reason     text
);
INSERT INTO registration_switch DEFAULT VALUES;

-- Clients with an open case in the support system, as the last `scserv clients cases` loaded them.
CREATE TABLE open_cases (
    client_id  text        PRIMARY KEY,
    open_until timestamptz NOT NULL
);
