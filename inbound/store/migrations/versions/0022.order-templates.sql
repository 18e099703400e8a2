-- Templates of orders. A version never changes, so it stays known what was sent.

CREATE TABLE order_templates (
    name       text        NOT NULL PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    retired_by text
);

CREATE TABLE order_template_versions (
    name       text        NOT NULL REFERENCES order_templates,
    version    integer     NOT NULL CHECK (version > 0),
    definition json        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text        NOT NULL,
    PRIMARY KEY (name, version)
);

CREATE TRIGGER order_template_versions_are_immutable
    BEFORE UPDATE OR DELETE OR TRUNCATE ON order_template_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
