-- Where a device stands among the others: waves are ordered one after the other, each when the one before
-- has its outcomes; within a wave rank and repeats come first, then the lower turn, then input order.
ALTER TABLE device_row ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device_row ADD COLUMN wave INTEGER NOT NULL DEFAULT 0;
-- The wave that may be ordered now, and its checksum from the second wave on.
ALTER TABLE campaign ADD COLUMN wave INTEGER NOT NULL DEFAULT 0;
ALTER TABLE campaign ADD COLUMN wave_sum INTEGER;
DROP INDEX row_ready;
CREATE INDEX row_ready ON device_row (campaign, wave, rank, repeat, turn)
    WHERE state = 'queued' AND ready = 1;

-- Which campaign goes before the others on its budget, and until when a runner has said that it is at work
-- on it (a moment of the limiter): the others yield until then at most.
ALTER TABLE campaign ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal'
    CHECK (priority IN ('normal', 'high'));
ALTER TABLE campaign ADD COLUMN engaged_until INTEGER NOT NULL DEFAULT 0;
