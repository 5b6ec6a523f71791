-- Which file this store is: where it was when it was last opened for writing, its device and inode. A copy
-- keeps what the original said, and is told by it. One row.
CREATE TABLE place (
    path   TEXT    NOT NULL,
    device INTEGER NOT NULL,
    inode  INTEGER NOT NULL,
    sum    INTEGER NOT NULL
);
-- Which schema the writer of a call knew. A program that opened the store before it was brought up to date
-- may still be at work: it knows nothing of what the newer schema means for the limit, so it takes no slot.
ALTER TABLE call ADD COLUMN schema INTEGER;
CREATE TRIGGER call_schema BEFORE INSERT ON call WHEN NEW.schema IS NOT 15 BEGIN
    SELECT RAISE(ABORT, 'a newer version of fleetsweep brought this store up to date; go on with that version');
END;
