-- The store of fleetsweep in PostgreSQL. Moments of the limiter (`at`, `claimed_at`, `seen_by`, ...) are
-- microseconds of the store's clock and are only ever subtracted; what people read is timestamptz.
-- An applied migration is never changed: a new one is added.
--
-- One lock orders all writes: the row of a budget, taken first by every verb that writes. So `device_row` and
-- `call` have no foreign keys, which would lock more rows with each claim.

-- Which truth this is. A failover or a restore may have forgotten calls that were made; then a new epoch
-- begins and nothing is claimed before `free_at`. One row.
CREATE TABLE epoch (
    only_one  boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (only_one),
    number    bigint  NOT NULL,
    server    text    NOT NULL,
    began_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    offset_us bigint  NOT NULL DEFAULT 0,
    free_at   bigint  NOT NULL DEFAULT 0,
    durable   boolean NOT NULL DEFAULT false
);

-- The processes that work on this store, and when each was last at work (a moment of the limiter).
CREATE TABLE runner (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host     text   NOT NULL,
    pid      bigint NOT NULL,
    version  text   NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen     bigint NOT NULL
) WITH (fillfactor = 50);

-- The connections that write, and the number of the last transaction that each committed. Whoever lost the
-- answer to a COMMIT looks here, and whoever got one looks here after a failover.
CREATE TABLE writer (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    runner bigint NOT NULL,
    done   bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- What one application in one tenant may call, and its pauses. `calls` counts its journal; `last_now` is the
-- moment of its last claim, before which no later one comes.
CREATE TABLE budget (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    api_origin  text   NOT NULL,
    tenant      text   NOT NULL,
    application text   NOT NULL,
    operation   text   NOT NULL,
    not_before  bigint NOT NULL DEFAULT 0,
    paused_at   bigint NOT NULL DEFAULT 0,
    probe       text   NOT NULL DEFAULT 'off' CHECK (probe IN ('off', 'due', 'in_flight')),
    probe_until bigint NOT NULL DEFAULT 0,
    spacing_ns  bigint NOT NULL DEFAULT 0,
    last_claim  bigint NOT NULL DEFAULT 0,
    streak      bigint NOT NULL DEFAULT 0,
    faults      bigint NOT NULL DEFAULT 0,
    named       text,
    calls       bigint NOT NULL DEFAULT 0 CHECK (calls >= 0),
    last_now    bigint NOT NULL DEFAULT 0,
    UNIQUE (api_origin, tenant, application, operation)
) WITH (fillfactor = 50);

-- A draft or a campaign. A draft has only `id`, `state`, `row_count` and `created_at`. `first_claim` is the moment
-- of its first scan call, before which none of its own is looked for in the journal.
CREATE TABLE campaign (
    id               bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state            text    NOT NULL CHECK (state IN ('draft', 'open', 'finished')),
    name             text    COLLATE "C",
    api_origin       text,
    tenant           text,
    application      text,
    cloud            text,
    scan_type        text,
    comment          text,
    ticket           text,
    ids_hash         text,
    mark_bits        bigint,
    busy             text,
    emulated         boolean,
    scan_budget      bigint REFERENCES budget (id),
    read_budget      bigint REFERENCES budget (id),
    epoch            bigint  NOT NULL DEFAULT 0,
    opened_at        timestamptz,
    finished_at      timestamptz,
    pruned_at        timestamptz,
    first_claim      bigint,
    last_call_at     timestamptz,
    first_contact    timestamptz,
    comments_changed boolean NOT NULL DEFAULT false,
    calls            bigint  NOT NULL DEFAULT 0,
    row_count        bigint  NOT NULL DEFAULT 0,
    created_at       timestamptz NOT NULL,
    last_run         text,
    paused           boolean NOT NULL DEFAULT false,
    called_off       boolean NOT NULL DEFAULT false,
    priority         text    NOT NULL DEFAULT 'normal' CHECK (priority IN ('normal', 'high')),
    engaged_until    bigint  NOT NULL DEFAULT 0,
    wave             bigint  NOT NULL DEFAULT 0,
    wave_over        bigint,
    wave_failed      text,
    rollout          text
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX campaign_name ON campaign (name, scan_budget);
CREATE INDEX campaign_open ON campaign (scan_budget, read_budget) WHERE state = 'open';
CREATE INDEX campaign_finished ON campaign (finished_at);
CREATE INDEX campaign_draft ON campaign (created_at) WHERE state = 'draft';

-- The quotas of a campaign's runner. Those of all open campaigns on a budget are kept.
CREATE TABLE quota (
    campaign  bigint NOT NULL REFERENCES campaign (id),
    calls     bigint NOT NULL,
    window_ns bigint NOT NULL,
    PRIMARY KEY (campaign, calls, window_ns)
);

-- How many rows of a campaign are in each state, kept in the transaction that moves a row.
CREATE TABLE tally (
    campaign bigint NOT NULL REFERENCES campaign (id) ON DELETE CASCADE,
    state    text   NOT NULL,
    rows     bigint NOT NULL DEFAULT 0 CHECK (rows >= 0),
    PRIMARY KEY (campaign, state)
) WITH (fillfactor = 50);

-- One row of the input.
--   state   draft, queued, claimed, doubtful, or how the row ended
--   at      queued: not before; claimed: end of the horizon; doubtful: next look-up; else 0
--   ready   queued, and `at` was reached by the time of the last claim
--   detail  what the report tells beside, as JSON; NULL if there is nothing to tell
CREATE TABLE device_row (
    campaign   bigint  NOT NULL,
    seq        bigint  NOT NULL,
    line       bigint  NOT NULL,
    device     bytea   CHECK (length(device) = 20),
    name       text,
    input_text text,
    state      text    NOT NULL,
    at         bigint  NOT NULL DEFAULT 0,
    ready      boolean NOT NULL DEFAULT false,
    looks      bigint  NOT NULL DEFAULT 0,
    busy_look  boolean NOT NULL DEFAULT false,
    attempt    bigint  NOT NULL DEFAULT 0,
    tries      bigint  NOT NULL DEFAULT 0,
    rank       bigint  NOT NULL DEFAULT 0,
    doubted    boolean NOT NULL DEFAULT false,
    busy_asks  bigint  NOT NULL DEFAULT 0,
    unseen     boolean NOT NULL DEFAULT false,
    arrives_by bigint  NOT NULL DEFAULT 0,
    turn       bigint  NOT NULL DEFAULT 0,
    wave       bigint  NOT NULL DEFAULT 0,
    detail     text,
    repeat     boolean NOT NULL GENERATED ALWAYS AS (tries > 0) STORED,
    PRIMARY KEY (campaign, seq)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
-- The order of claims.
CREATE INDEX row_ready ON device_row (campaign, wave, rank, repeat, turn, seq)
    WHERE state = 'queued' AND ready;
CREATE INDEX row_later ON device_row (campaign, at, seq) WHERE state = 'queued' AND NOT ready;
CREATE INDEX row_claimed ON device_row (campaign, at, seq) WHERE state = 'claimed';
CREATE INDEX row_doubtful ON device_row (campaign, at, seq) WHERE state = 'doubtful';
CREATE INDEX row_unseen ON device_row (campaign, seq) WHERE unseen;
-- The last guard of "not twice": two rows of one campaign are never both asked for one device.
CREATE UNIQUE INDEX row_once ON device_row (campaign, device) WHERE attempt > 0;

-- The journal: every call, written before it is sent. Its key is chosen by the runner. `seq` is NULL for calls
-- that only read. `schema` is the schema that the writer knew: one that was started before this store was
-- brought up to date knows nothing of what the newer schema means for the limit, so it takes no slot.
CREATE TABLE call (
    id          bigint NOT NULL PRIMARY KEY,
    budget      bigint NOT NULL,
    campaign    bigint,
    seq         bigint,
    attempt     bigint NOT NULL,
    claimed_at  bigint NOT NULL,
    seen_by     bigint NOT NULL,
    settled_at  bigint,
    claimed_utc timestamptz NOT NULL,
    over_utc    timestamptz,
    verdict     text,
    http_status bigint,
    message     text,
    schema      bigint NOT NULL CONSTRAINT call_schema CHECK (schema = 1)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX call_seen ON call (budget, seen_by DESC);

-- How many scan calls of a campaign were claimed in each minute, how many were accepted and how many answered
-- with 429: written when the calls themselves leave the journal. Until then they are counted there.
CREATE TABLE minute (
    campaign  bigint NOT NULL REFERENCES campaign (id),
    at        timestamptz NOT NULL,
    calls     bigint NOT NULL,
    accepted  bigint NOT NULL,
    throttled bigint NOT NULL,
    PRIMARY KEY (campaign, at)
);

-- What a campaign was begun with, as JSON, and by whom on which machine.
CREATE TABLE begun (
    campaign bigint NOT NULL PRIMARY KEY REFERENCES campaign (id),
    request  text   NOT NULL,
    by       text   NOT NULL,
    host     text   NOT NULL
);

-- What happened in a campaign, as JSON: runs, pauses, waves, ends.
CREATE TABLE happening (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign bigint NOT NULL REFERENCES campaign (id),
    at       timestamptz NOT NULL,
    what     text   NOT NULL,
    by       text   NOT NULL,
    host     text   NOT NULL
);
CREATE INDEX happening_campaign ON happening (campaign, id);

-- The id of a tenant that is given by the name of a domain, as a sign-in told it.
CREATE TABLE tenant_name (
    api_origin text NOT NULL,
    name       text NOT NULL,
    tenant     text NOT NULL,
    PRIMARY KEY (api_origin, name)
);

INSERT INTO epoch (number, server) VALUES (0, '');
