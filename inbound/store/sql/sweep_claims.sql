DELETE FROM mt_claims WHERE claimed_at < %(before)s
