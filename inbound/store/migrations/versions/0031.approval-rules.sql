-- When a second person has to approve something, as the scheduler that sends broadcasts was told by
-- its settings. Commands and the API read it here: the settings of whoever calls them don't count.
CREATE TABLE approval_rules (
    singleton        boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    broadcasts_above integer     NOT NULL CHECK (broadcasts_above >= 0),
    senders          text        NOT NULL,
    published_at     timestamptz NOT NULL DEFAULT now()
);
