-- Whether somebody called the campaign off: nothing of it is ordered any more, and devices that wait, or come
-- to wait again, end.
ALTER TABLE campaign ADD COLUMN called_off INTEGER NOT NULL DEFAULT 0;
-- Rows whose scan was ordered and then cancelled are a state of their own; each state has its count.
INSERT INTO tally (campaign, state, rows) SELECT id, 'cancelled', 0 FROM campaign;
