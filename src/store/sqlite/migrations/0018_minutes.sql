-- How many scan calls of a campaign were claimed in each minute, how many were accepted and how many answered
-- with 429: written when the calls themselves leave the journal. Until then they are counted there.
CREATE TABLE minute (
    campaign  INTEGER NOT NULL,
    at        TEXT    NOT NULL,
    calls     INTEGER NOT NULL,
    accepted  INTEGER NOT NULL,
    throttled INTEGER NOT NULL,
    PRIMARY KEY (campaign, at)
) WITHOUT ROWID;

-- Between which keys of the journal all scan calls of a campaign lie, so that they are found without an index.
ALTER TABLE campaign ADD COLUMN first_call INTEGER;
ALTER TABLE campaign ADD COLUMN last_call INTEGER;
UPDATE campaign SET first_call = c.first, last_call = c.last
    FROM (SELECT campaign, min(id) AS first, max(id) AS last FROM call WHERE seq IS NOT NULL GROUP BY campaign) c
    WHERE c.campaign = campaign.id;
