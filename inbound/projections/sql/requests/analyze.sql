ANALYZE requests
