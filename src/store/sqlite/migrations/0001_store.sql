-- The store of fleetsweep. Moments of the limiter (`at`, `claimed_at`, `seen_by`, ...) are microseconds
-- of the store's clock and are only ever subtracted; what people read is UTC text (`*_utc`, `opened_at`).
-- An applied migration is never changed: a new one is added.

-- The clock of the machine's present start: microseconds to add to CLOCK_BOOTTIME. One row.
CREATE TABLE clock (
    boot_id   TEXT    NOT NULL PRIMARY KEY,
    offset_us INTEGER NOT NULL
);

-- What one application in one tenant may call, and its pauses. `calls` counts its journal.
CREATE TABLE budget (
    id          INTEGER NOT NULL PRIMARY KEY,
    api_origin  TEXT    NOT NULL,
    tenant      TEXT    NOT NULL,
    application TEXT    NOT NULL,
    operation   TEXT    NOT NULL,
    not_before  INTEGER NOT NULL DEFAULT 0,
    paused_at   INTEGER NOT NULL DEFAULT 0,
    probe       TEXT    NOT NULL DEFAULT 'off' CHECK (probe IN ('off', 'due', 'in_flight')),
    probe_until INTEGER NOT NULL DEFAULT 0,
    spacing_ns  INTEGER NOT NULL DEFAULT 0,
    last_claim  INTEGER NOT NULL DEFAULT 0,
    streak      INTEGER NOT NULL DEFAULT 0,
    faults      INTEGER NOT NULL DEFAULT 0,
    calls       INTEGER NOT NULL DEFAULT 0,
    UNIQUE (api_origin, tenant, application, operation)
);

-- A draft or a campaign. A draft has only `id`, `state`, `row_count` and `created_at`.
CREATE TABLE campaign (
    id               INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    state            TEXT    NOT NULL CHECK (state IN ('draft', 'open', 'finished')),
    name             TEXT    UNIQUE,
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
    created_at       TEXT    NOT NULL
);
CREATE INDEX campaign_open ON campaign (scan_budget, read_budget) WHERE state = 'open';

-- The quotas of a campaign's runner. Those of all open campaigns on a budget are kept.
CREATE TABLE quota (
    campaign  INTEGER NOT NULL REFERENCES campaign (id),
    calls     INTEGER NOT NULL,
    window_ns INTEGER NOT NULL,
    PRIMARY KEY (campaign, calls, window_ns)
) WITHOUT ROWID;

-- How many rows of a campaign are in each state, kept in the transaction that moves a row.
CREATE TABLE tally (
    campaign INTEGER NOT NULL REFERENCES campaign (id),
    state    TEXT    NOT NULL,
    rows     INTEGER NOT NULL DEFAULT 0 CHECK (rows >= 0),
    PRIMARY KEY (campaign, state)
) WITHOUT ROWID;

-- One row of the input. `id` is campaign * 2^32 + seq, so that a campaign's rows lie together in input
-- order and one small tree finds them.
--   state   draft, queued, claimed, doubtful, or how the row ended
--   at      queued: not before; claimed: end of the horizon; doubtful: next look-up; else 0
--   ready   queued, and `at` was reached by the time of the last claim
--   detail  what the report tells beside, as JSON; NULL if there is nothing to tell
CREATE TABLE device_row (
    id         INTEGER NOT NULL PRIMARY KEY,
    campaign   INTEGER NOT NULL REFERENCES campaign (id),
    line       INTEGER NOT NULL,
    device     BLOB    CHECK (device IS NULL OR length(device) = 20),
    name       TEXT,
    input_text TEXT,
    state      TEXT    NOT NULL,
    at         INTEGER NOT NULL DEFAULT 0,
    ready      INTEGER NOT NULL DEFAULT 0,
    looks      INTEGER NOT NULL DEFAULT 0,
    busy_look  INTEGER NOT NULL DEFAULT 0,
    attempt    INTEGER NOT NULL DEFAULT 0,
    tries      INTEGER NOT NULL DEFAULT 0,
    rank       INTEGER NOT NULL DEFAULT 0,
    doubted    INTEGER NOT NULL DEFAULT 0,
    busy_asks  INTEGER NOT NULL DEFAULT 0,
    unseen     INTEGER NOT NULL DEFAULT 0,
    detail     TEXT,
    repeat     INTEGER NOT NULL GENERATED ALWAYS AS (tries > 0) VIRTUAL
);
-- The order of claims; `id` is the last part of every index by itself.
CREATE INDEX row_ready ON device_row (campaign, rank, repeat) WHERE state = 'queued' AND ready = 1;
CREATE INDEX row_later ON device_row (campaign, at) WHERE state = 'queued' AND ready = 0;
CREATE INDEX row_claimed ON device_row (campaign, at) WHERE state = 'claimed';
CREATE INDEX row_doubtful ON device_row (campaign, at) WHERE state = 'doubtful';
CREATE INDEX row_unseen ON device_row (campaign) WHERE unseen = 1;
-- The last guard of "not twice": two rows of one campaign are never both asked for one device.
CREATE UNIQUE INDEX row_once ON device_row (campaign, device) WHERE attempt > 0;

-- The journal: every call, written before it is sent. `seq` is NULL for calls that only read.
CREATE TABLE call (
    id          INTEGER NOT NULL PRIMARY KEY,
    budget      INTEGER NOT NULL REFERENCES budget (id),
    campaign    INTEGER NOT NULL REFERENCES campaign (id),
    seq         INTEGER,
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
CREATE INDEX call_seen ON call (budget, seen_by DESC);
