DELETE FROM smsc_messages WHERE submitted_at < %(before)s
