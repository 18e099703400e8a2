DELETE FROM inbox WHERE received_at < %(before)s
