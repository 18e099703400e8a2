-- What the migration of the projections creates; the tables themselves are in the file of each.

-- name: create_live_schema
-- Two schemas have tables of the same names: the live ones, which readers use, and those of a
-- rebuild. A rebuilt table moves from the one to the other with its indexes, so that the same
-- statements serve both.
CREATE SCHEMA projections

-- name: create_shadow_schema
CREATE SCHEMA projections_shadow

-- name: create_progress
-- Every event up to and including position is in the rows of the table. Written in the
-- transaction that writes the rows.
CREATE TABLE projections.progress (
    name        text    NOT NULL,
    schema_name text    NOT NULL CHECK (schema_name IN ('projections', 'projections_shadow')),
    version     integer NOT NULL,
    position    bigint  NOT NULL,
    PRIMARY KEY (name, schema_name)
) WITH (fillfactor = 10)

-- name: add_progress
INSERT INTO projections.progress (name, schema_name, version, position)
VALUES (%(name)s, %(schema)s, %(version)s, 0)

-- name: use_live_schema
SET LOCAL search_path = projections

-- name: reset_schema
-- The runner marks the migration as applied in the same transaction, in its own schema.
SET LOCAL search_path = DEFAULT
