SELECT count(*) FROM requests
