-- Which binds there are and how they are, told by their gateways every two seconds. A rate
-- belongs to an account, and its binds share it. Losing the table loses nothing.
CREATE UNLOGGED TABLE bind_presence (
    account text        NOT NULL,
    bind    text        NOT NULL,
    gateway text        NOT NULL,
    sends   boolean     NOT NULL,
    state   json        NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (account, bind, gateway)
) WITH (fillfactor = 50);
