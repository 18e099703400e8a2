SELECT number_hash, number_sealed FROM clients
WHERE client_id = %(client_id)s ORDER BY number_hash LIMIT %(limit)s
