DELETE FROM vault WHERE expires_at <= %(now)s
