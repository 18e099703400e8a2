INSERT INTO mo_parts
    (bind, number_hash, destination, reference, total, sequence, sealed, data, received_at)
VALUES
    (%(bind)s, %(number_hash)s, %(destination)s, %(reference)s, %(total)s, %(sequence)s,
     %(sealed)s, %(data)s::json, %(received_at)s)
ON CONFLICT DO NOTHING
