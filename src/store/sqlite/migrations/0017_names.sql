-- A name belongs to its budget: campaigns of other tenants, applications or services may have the same one.
-- SQLite takes no constraint away, so a new table takes the place of the old one; keys and what refers to them
-- stay as they are, and keys of drafts that are gone are not given again.
CREATE TABLE campaign_new (
    id               INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    state            TEXT    NOT NULL CHECK (state IN ('draft', 'open', 'finished')),
    name             TEXT,
    api_origin       TEXT,
    tenant           TEXT,
    application      TEXT,
    cloud            TEXT,
    scan_type        TEXT,
    comment          TEXT,
    ids_hash         TEXT,
    mark_bits        INTEGER,
    busy             TEXT,
    emulated         INTEGER,
    scan_budget      INTEGER REFERENCES budget (id),
    read_budget      INTEGER REFERENCES budget (id),
    opened_at        TEXT,
    finished_at      TEXT,
    first_contact    TEXT,
    comments_changed INTEGER NOT NULL DEFAULT 0,
    calls            INTEGER NOT NULL DEFAULT 0,
    row_count        INTEGER NOT NULL DEFAULT 0,
    created_at       TEXT    NOT NULL,
    sum              INTEGER,
    notes_sum        INTEGER,
    quota_sum        INTEGER,
    last_run         TEXT,
    last_call_at     TEXT,
    paused           INTEGER NOT NULL DEFAULT 0,
    wave             INTEGER NOT NULL DEFAULT 0,
    wave_sum         INTEGER,
    priority         TEXT    NOT NULL DEFAULT 'normal' CHECK (priority IN ('normal', 'high')),
    engaged_until    INTEGER NOT NULL DEFAULT 0,
    called_off       INTEGER NOT NULL DEFAULT 0,
    ticket           TEXT,
    rollout          TEXT,
    wave_over        INTEGER,
    wave_failed      TEXT,
    pruned_at        TEXT
);
INSERT INTO campaign_new (
    id, state, name, api_origin, tenant, application, cloud, scan_type, comment, ids_hash, mark_bits, busy,
    emulated, scan_budget, read_budget, opened_at, finished_at, first_contact, comments_changed, calls, row_count,
    created_at, sum, notes_sum, quota_sum, last_run, last_call_at, paused, wave, wave_sum, priority, engaged_until,
    called_off, ticket, rollout, wave_over, wave_failed, pruned_at)
SELECT
    id, state, name, api_origin, tenant, application, cloud, scan_type, comment, ids_hash, mark_bits, busy,
    emulated, scan_budget, read_budget, opened_at, finished_at, first_contact, comments_changed, calls, row_count,
    created_at, sum, notes_sum, quota_sum, last_run, last_call_at, paused, wave, wave_sum, priority, engaged_until,
    called_off, ticket, rollout, wave_over, wave_failed, pruned_at
FROM campaign;
DELETE FROM sqlite_sequence WHERE name = 'campaign_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'campaign_new', seq FROM sqlite_sequence WHERE name = 'campaign';
DROP TABLE campaign;
ALTER TABLE campaign_new RENAME TO campaign;
CREATE UNIQUE INDEX campaign_name ON campaign (name, scan_budget);
CREATE INDEX campaign_open ON campaign (scan_budget, read_budget) WHERE state = 'open';
CREATE INDEX campaign_finished ON campaign (finished_at);
CREATE INDEX campaign_draft ON campaign (created_at) WHERE state = 'draft';

-- A program that was at work before asks for campaigns by their names alone, and could take one for another.
DROP TRIGGER call_schema;
CREATE TRIGGER call_schema BEFORE INSERT ON call WHEN NEW.schema IS NOT 17 BEGIN
    SELECT RAISE(ABORT, 'a newer version of fleetsweep brought this store up to date; go on with that version');
END;
