-- When the last call in doubt for a row has arrived at the server at the latest: an action that was created
-- later is not what that call ordered. Zero where none came into doubt since there is this column.
ALTER TABLE device_row ADD COLUMN arrives_by INTEGER NOT NULL DEFAULT 0;

-- What `status` tells of runs: how the latest one went, as JSON, and when the last scan call was claimed.
ALTER TABLE campaign ADD COLUMN last_run TEXT;
ALTER TABLE campaign ADD COLUMN last_call_at TEXT;
