-- Whoever moves a place holds its row to commit.
SELECT place, version, position FROM projections.progress WHERE name = %(name)s FOR UPDATE
