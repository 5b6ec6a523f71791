-- Whether somebody paused the campaign: no runner orders anything of it meanwhile.
ALTER TABLE campaign ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
