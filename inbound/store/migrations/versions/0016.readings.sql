-- A rejected MO keeps how its text was read: by that a wrong setting of a bind is found.
ALTER TABLE rejected_mos ADD COLUMN reading json;
