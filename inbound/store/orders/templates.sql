-- Templates of orders.

-- name: find_templates
-- The wanted versions; the newest one where no version is named. In the order of the names.
SELECT wanted.place, found.name, found.version, found.definition, templates.retired_at IS NOT NULL
FROM unnest(%(names)b::text[], %(versions)b::integer[])
    WITH ORDINALITY AS wanted (name, version, place)
JOIN order_templates AS templates ON templates.name = wanted.name
JOIN LATERAL (
    SELECT * FROM order_template_versions AS versions
    WHERE versions.name = wanted.name
      AND (wanted.version IS NULL OR versions.version = wanted.version)
    ORDER BY versions.version DESC LIMIT 1
) AS found ON true

-- name: find_languages
-- The language of clients, by the hash of their number.
SELECT number_hash, language FROM clients
WHERE number_hash = ANY(%(hashes)b::bytea[]) AND language IS NOT NULL

-- name: find_languages_of_subjects
SELECT subject_id, language FROM subjects JOIN clients USING (number_hash)
WHERE subject_id = ANY(%(subject_ids)b::uuid[]) AND language IS NOT NULL

-- name: lock_template
SELECT retired_at FROM order_templates WHERE name = %(name)s FOR UPDATE

-- name: add_template
INSERT INTO order_templates (name) VALUES (%(name)s) ON CONFLICT (name) DO NOTHING

-- name: add_version
INSERT INTO order_template_versions (name, version, definition, created_by)
VALUES (%(name)s, %(version)s, %(definition)s, %(actor)s)

-- name: retire_template
UPDATE order_templates SET retired_at = now(), retired_by = %(actor)s
WHERE name = %(name)s AND retired_at IS NULL

-- name: restore_template
UPDATE order_templates SET retired_at = NULL, retired_by = NULL
WHERE name = %(name)s AND retired_at IS NOT NULL

-- name: list_versions
-- All versions, the newest first; the names in their order.
SELECT name, version, definition, versions.created_at, created_by, retired_at, retired_by
FROM order_template_versions AS versions JOIN order_templates USING (name)
WHERE %(name)s::text IS NULL OR name = %(name)s
ORDER BY name, version DESC

-- name: list_newest
-- The newest version of each template, by name. A page starts after the last name before.
SELECT name, version, definition, newest.created_at, created_by, retired_at, retired_by
FROM order_templates
JOIN LATERAL (
    SELECT version, definition, created_at, created_by FROM order_template_versions AS versions
    WHERE versions.name = order_templates.name ORDER BY version DESC LIMIT 1
) AS newest ON true
WHERE (%(after)s::text IS NULL OR name > %(after)s::text)
  AND (retired_at IS NULL OR %(retired)s::boolean)
ORDER BY name
LIMIT %(limit)s
