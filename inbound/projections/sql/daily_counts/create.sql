CREATE TABLE daily_counts (
    day     date   NOT NULL,
    type    text   NOT NULL,
    command text   NOT NULL,
    purpose text   NOT NULL,
    outcome text   NOT NULL,
    count   bigint NOT NULL,
    CONSTRAINT daily_counts_pkey PRIMARY KEY (day, type, command, purpose, outcome)
) WITH (fillfactor = 50)
