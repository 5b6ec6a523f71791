-- Which truth this is. A file that took the place of another, as a backup that was restored, may have forgotten
-- calls that were made: then a new epoch begins, and nothing is claimed before `free_at`. One row at most.
CREATE TABLE epoch (
    number  INTEGER NOT NULL,
    free_at INTEGER NOT NULL,
    sum     INTEGER NOT NULL
);

-- When the file was made: one that takes the place of another can have its inode.
ALTER TABLE place ADD COLUMN born INTEGER;

-- The epoch in which the devices of a campaign that wait were last known not to be ordered.
ALTER TABLE campaign ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

-- A program that was at work before knows nothing of it.
DROP TRIGGER IF EXISTS call_schema;
CREATE TRIGGER call_schema BEFORE INSERT ON call WHEN NEW.schema IS NOT 19 BEGIN
    SELECT RAISE(ABORT, 'a newer version of fleetsweep brought this store up to date; go on with that version');
END;
