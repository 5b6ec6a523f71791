-- What a campaign was begun with, as JSON, and by whom on which machine: whoever goes on with it, from whatever
-- host, keeps its windows, limits and rules. Campaigns of before have none.
CREATE TABLE begun (
    campaign INTEGER PRIMARY KEY,
    request  TEXT    NOT NULL,
    by       TEXT    NOT NULL,
    host     TEXT    NOT NULL,
    sum      INTEGER NOT NULL
);
-- What happened in a campaign, as JSON: runs, pauses, waves, ends.
CREATE TABLE happening (
    id       INTEGER PRIMARY KEY,
    campaign INTEGER NOT NULL,
    at       TEXT    NOT NULL,
    what     TEXT    NOT NULL,
    by       TEXT    NOT NULL,
    host     TEXT    NOT NULL
);
CREATE INDEX happening_campaign ON happening (campaign, id);
