-- The parts that made a text stay as long as parts wait: so a part of it that is delivered
-- once more is known, when the phone uses the reference for another text.
ALTER TABLE mo_parts ADD COLUMN whole boolean NOT NULL DEFAULT false;
ALTER TABLE mo_parts DROP CONSTRAINT mo_parts_pkey;
ALTER TABLE mo_parts ADD PRIMARY KEY (
    number_hash, destination, bind, reference, total, sequence, whole
);
