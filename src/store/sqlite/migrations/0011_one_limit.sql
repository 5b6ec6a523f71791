-- A lower limit that the server named in a 429, as JSON: every runner on the budget keeps it for a while.
ALTER TABLE budget ADD COLUMN named TEXT;

-- The id of a tenant that is given by the name of a domain, as a sign-in told it: calls are counted under the id.
CREATE TABLE tenant_name (
    api_origin TEXT NOT NULL,
    name       TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    PRIMARY KEY (api_origin, name)
) WITHOUT ROWID;

-- `campaign.calls` counts what left, and no longer the claims whose call never did.
UPDATE campaign SET calls = max(0, calls - (SELECT count(*) FROM call WHERE call.campaign = campaign.id
    AND call.seq IS NOT NULL AND call.verdict = 'never_left'));

-- Budgets whose keys are names of one service and one application are brought together by the program
-- (`sql/one_name.rs`): SQL knows no host names and no checksums.
