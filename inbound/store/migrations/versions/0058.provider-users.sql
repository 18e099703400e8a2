-- The desk: users who sign in at an OpenID provider.

ALTER TABLE desk_users
    -- What the claim has that finds the user the first time, such as their e-mail address.
    ADD COLUMN provider_login   text UNIQUE,
    -- Issuer and subject of OpenID Connect, which find the user from then on.
    ADD COLUMN provider_issuer  text,
    ADD COLUMN provider_subject text,
    ADD CHECK ((provider_issuer IS NULL) = (provider_subject IS NULL)),
    ADD UNIQUE (provider_issuer, provider_subject);

ALTER TABLE desk_sessions
    -- The provider has seen to a second factor, or has not.
    ADD COLUMN by_provider boolean NOT NULL DEFAULT false;
