SELECT name, version, position FROM projections.progress WHERE place = %(place)s
