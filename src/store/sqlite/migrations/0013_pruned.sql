-- Since when the rows of a finished campaign are gone; its counts and all else of it stay.
ALTER TABLE campaign ADD COLUMN pruned_at TEXT;
