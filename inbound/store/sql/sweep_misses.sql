DELETE FROM misses WHERE minute < %(before)s
