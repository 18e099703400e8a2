INSERT INTO projections.progress (name, place, version, position)
VALUES (%(name)s, 'projections_shadow', %(version)s, 0)
ON CONFLICT (name, place) DO UPDATE SET version = excluded.version, position = 0
