COPY incoming_clients
    (line, number_hash, client_id, number_sealed, registration_sealed, registration_digest)
FROM STDIN (FORMAT binary)
