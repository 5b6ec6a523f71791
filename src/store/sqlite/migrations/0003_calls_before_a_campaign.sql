-- Calls that only read may belong to no campaign: the inventory is read before there is one. SQLite changes
-- no column, so the table is made anew.
CREATE TABLE call_new (
    id          INTEGER NOT NULL PRIMARY KEY,
    budget      INTEGER NOT NULL REFERENCES budget (id),
    campaign    INTEGER REFERENCES campaign (id),
    seq         INTEGER CHECK (seq IS NULL OR campaign IS NOT NULL),
    attempt     INTEGER NOT NULL,
    claimed_at  INTEGER NOT NULL,
    seen_by     INTEGER NOT NULL,
    settled_at  INTEGER,
    claimed_utc TEXT    NOT NULL,
    over_utc    TEXT,
    verdict     TEXT,
    http_status INTEGER,
    message     TEXT
);
INSERT INTO call_new SELECT id, budget, campaign, seq, attempt, claimed_at, seen_by, settled_at, claimed_utc,
                            over_utc, verdict, http_status, message FROM call;
DROP TABLE call;
ALTER TABLE call_new RENAME TO call;
CREATE INDEX call_seen ON call (budget, seen_by DESC);

-- Rank 1 is now that of devices that are asked after the others: 2 again, 3 last.
UPDATE device_row SET rank = rank + 1 WHERE rank > 0;
