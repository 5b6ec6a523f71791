-- Starts of runs that came to nothing: of no campaign, since there may be none. What campaigns keep of them so far, each of
-- the next run of its series, is copied.
CREATE TABLE failed_start (
    kind        text        NOT NULL CHECK (kind IN ('series', 'campaign')),
    name        text        COLLATE "C" NOT NULL,
    api_origin  text        NOT NULL,
    tenant      text        NOT NULL,
    application text        NOT NULL,
    cloud       text        NOT NULL,
    day         text        COLLATE "C" NOT NULL,
    at          timestamptz NOT NULL,
    why         text        NOT NULL,
    exit_code   bigint      NOT NULL,
    by          text        NOT NULL,
    host        text        NOT NULL,
    PRIMARY KEY (kind, name, api_origin, tenant, day)
);
INSERT INTO failed_start
SELECT DISTINCT ON (s.series, s.api_origin, s.tenant, w.told->>'day')
    'series', s.series, s.api_origin, s.tenant, s.application, s.cloud,
    w.told->>'day', h.at, w.told->>'why', (w.told->>'exit_code')::bigint, h.by, h.host
FROM happening h
JOIN (
    -- `series-2026-11-23`, or for a later run of that day `series-2026-11-23-2`.
    SELECT c.id, b.api_origin, b.tenant, b.application, c.cloud,
        substring(c.name FROM '^(.+?)-[0-9]{4}-[0-9]{2}-[0-9]{2}(?:-[0-9]+)?$') AS series
    FROM campaign c JOIN budget b ON b.id = c.scan_budget
) s ON s.id = h.campaign AND s.series IS NOT NULL
CROSS JOIN LATERAL (
    SELECT CASE WHEN h.what LIKE '%"next_not_begun"%' THEN replace(h.what, '\u0000', '')::jsonb END AS told
) w
WHERE w.told->>'what' = 'next_not_begun'
  AND w.told->>'day' IS NOT NULL AND w.told->>'why' IS NOT NULL AND w.told->>'exit_code' IS NOT NULL
ORDER BY s.series, s.api_origin, s.tenant, w.told->>'day', h.id DESC;
