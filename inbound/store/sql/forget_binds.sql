DELETE FROM bind_presence WHERE gateway = %(gateway)s
