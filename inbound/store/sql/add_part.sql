-- A part that comes again replaces the one that waits, and so does one of another text.
INSERT INTO mo_parts
    (bind, number_hash, destination, reference, total, sequence, sealed, data, received_at)
VALUES
    (%(bind)s, %(number_hash)s, %(destination)s, %(reference)s, %(total)s, %(sequence)s,
     %(sealed)s, %(data)s::json, %(received_at)s)
ON CONFLICT (number_hash, destination, bind, reference, total, sequence, whole) DO UPDATE
SET sealed = excluded.sealed, data = excluded.data, received_at = excluded.received_at
