-- Starts of runs that came to nothing: of no campaign, since there may be none. What campaigns keep of them so far, each of
-- the next run of its series, is copied.
CREATE TABLE failed_start (
    kind        TEXT    NOT NULL CHECK (kind IN ('series', 'campaign')),
    name        TEXT    NOT NULL,
    api_origin  TEXT    NOT NULL,
    tenant      TEXT    NOT NULL,
    application TEXT    NOT NULL,
    cloud       TEXT    NOT NULL,
    day         TEXT    NOT NULL,
    at          TEXT    NOT NULL,
    why         TEXT    NOT NULL,
    exit_code   INTEGER NOT NULL,
    by          TEXT    NOT NULL,
    host        TEXT    NOT NULL,
    PRIMARY KEY (kind, name, api_origin, tenant, day)
) WITHOUT ROWID;
WITH of_series AS (
    -- `series-2026-11-23`, or for a later run of that day `series-2026-11-23-2`.
    SELECT c.id, b.api_origin, b.tenant, b.application, c.cloud,
        CASE WHEN c.name GLOB '*-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' THEN c.name
             ELSE substr(rtrim(c.name, '0123456789'), 1, length(rtrim(c.name, '0123456789')) - 1) END AS run
    FROM campaign c JOIN budget b ON b.id = c.scan_budget
)
INSERT OR REPLACE INTO failed_start
SELECT 'series', substr(s.run, 1, length(s.run) - 11), s.api_origin, s.tenant, s.application, s.cloud,
    json_extract(h.what, '$.day'), h.at, json_extract(h.what, '$.why'), json_extract(h.what, '$.exit_code'), h.by, h.host
FROM happening h JOIN of_series s ON s.id = h.campaign
WHERE CASE WHEN json_valid(h.what) THEN
        json_extract(h.what, '$.what') = 'next_not_begun' AND json_extract(h.what, '$.day') IS NOT NULL
        AND json_extract(h.what, '$.why') IS NOT NULL AND json_extract(h.what, '$.exit_code') IS NOT NULL
      END
  AND s.run GLOB '?*-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'
ORDER BY h.id;
