-- Whoever moves a place holds its row to commit.
SELECT version, position FROM projections.progress
WHERE name = %(name)s AND place = %(place)s FOR UPDATE
