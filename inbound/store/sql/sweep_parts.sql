DELETE FROM mo_parts WHERE received_at < %(before)s
