DELETE FROM bind_presence WHERE seen_at < %(before)s
