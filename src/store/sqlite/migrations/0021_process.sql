-- The processes that are at work, each of which says for all its runs that they live: one row is written for as many
-- campaigns as a process runs.
CREATE TABLE process (
    id      TEXT NOT NULL PRIMARY KEY,
    seen_at TEXT NOT NULL
) WITHOUT ROWID;
