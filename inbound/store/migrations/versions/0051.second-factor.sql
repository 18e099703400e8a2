-- The desk: a second factor of its users, time-based codes (RFC 6238), and codes for the day when
-- the device with the secret is lost.

CREATE TABLE desk_second_factors (
    user_id   uuid        PRIMARY KEY REFERENCES desk_users ON DELETE CASCADE,
    -- Sealed with the vault key.
    secret    bytea       NOT NULL,
    -- The time step of the last accepted code: none is accepted twice.
    last_step bigint      NOT NULL,
    set_at    timestamptz NOT NULL
);

-- SHA-256 of codes of 80 random bits. A code that was used is deleted.
CREATE TABLE desk_recovery_codes (
    user_id uuid  NOT NULL REFERENCES desk_second_factors ON DELETE CASCADE,
    digest  bytea NOT NULL,
    PRIMARY KEY (user_id, digest)
);
