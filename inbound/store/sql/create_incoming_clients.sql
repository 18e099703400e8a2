CREATE TEMPORARY TABLE incoming_clients (
    line                bigint NOT NULL,
    number_hash         bytea  NOT NULL,
    client_id           text   NOT NULL,
    number_sealed       bytea  NOT NULL,
    registration_sealed bytea  NOT NULL,
    registration_digest bytea  NOT NULL
) ON COMMIT DROP
