-- Accounts whose URL is called when an order reaches a final state, and the calls that wait.

-- `secret` is sealed. `commands` asks for the commands of clients, too.
CREATE TABLE callback_urls (
    account         text        NOT NULL PRIMARY KEY REFERENCES accounts,
    url             text        NOT NULL,
    secret          bytea       NOT NULL,
    commands        boolean     NOT NULL DEFAULT false,
    private_allowed boolean     NOT NULL DEFAULT false,
    changed_at      timestamptz NOT NULL DEFAULT now()
);

-- One call. No number, no text. Calls of one `topic_id`, an order or a subject, are made in the
-- order of their ids. A call that was made is deleted; a dead one waits for an operator.
CREATE TABLE callbacks (
    id          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    callback_id uuid        NOT NULL DEFAULT gen_random_uuid(),
    account     text        NOT NULL,
    topic_id    uuid        NOT NULL,
    type        text        NOT NULL,
    body        text        NOT NULL,
    created_at  timestamptz NOT NULL,
    due_at      timestamptz NOT NULL,
    attempts    integer     NOT NULL DEFAULT 0,
    error       text,
    dead_at     timestamptz
) WITH (fillfactor = 80);

-- A state that is reached again, for example by a repeated receipt, is not told twice.
CREATE UNIQUE INDEX callbacks_topic ON callbacks (topic_id, account, type);
CREATE INDEX callbacks_due ON callbacks (account, due_at) WHERE dead_at IS NULL;
