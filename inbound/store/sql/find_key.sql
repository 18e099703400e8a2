SELECT fingerprint FROM key_checks WHERE name = %(name)s
