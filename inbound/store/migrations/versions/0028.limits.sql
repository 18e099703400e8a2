-- How many commands of numbers that are no client's were accepted, by SMS centre and time.
CREATE TABLE unknown_number_counts (
    began_at timestamptz NOT NULL,
    centre   text        NOT NULL,
    accepted integer     NOT NULL,
    PRIMARY KEY (began_at, centre)
);

-- The policies by which each worker decides, as it reports them every minute.
CREATE TABLE worker_policies (
    worker   text        PRIMARY KEY,
    policies jsonb       NOT NULL,
    seen_at  timestamptz NOT NULL
);
