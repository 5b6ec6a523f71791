-- Calls that only read may belong to no campaign: the inventory is read before there is one. SQLite changes
-- no column, so a new one takes the place of the old one; whatever else the table has stays as it is.
ALTER TABLE call ADD COLUMN whose INTEGER REFERENCES campaign (id);
UPDATE call SET whose = campaign;
ALTER TABLE call DROP COLUMN campaign;
ALTER TABLE call RENAME COLUMN whose TO campaign;

-- Rank 1 is now that of devices that are asked after the others: 2 again, 3 last. Checksums are made over what
-- a rank means and not over this number, so those of rows that were written before still hold.
UPDATE device_row SET rank = rank + 1 WHERE rank > 0;
