-- Rows whose scan was ordered stay `accepted`. Those whose scan failed, timed out or was cancelled on its device, as it was
-- last seen, are a state of their own: such a device was not scanned.
UPDATE device_row r SET state = 'scan_failed' FROM tally t
WHERE t.state = 'accepted' AND t.rows > 0 AND r.campaign = t.campaign AND r.state = 'accepted'
  AND r.detail ~* '"action_status":"(failed|timeout|cancell?ed)"';
INSERT INTO tally (campaign, state, rows)
SELECT c.id, 'scan_failed', count(r.seq)
FROM campaign c
LEFT JOIN tally t ON t.campaign = c.id AND t.state = 'accepted' AND t.rows > 0
LEFT JOIN device_row r ON r.campaign = t.campaign AND r.state = 'scan_failed'
GROUP BY c.id;
UPDATE tally t SET rows = t.rows - e.rows FROM tally e
WHERE e.campaign = t.campaign AND e.state = 'scan_failed' AND e.rows > 0 AND t.state = 'accepted';

-- A program that was at work before knows nothing of it.
ALTER TABLE call DROP CONSTRAINT call_schema;
UPDATE call SET schema = 3;
ALTER TABLE call ADD CONSTRAINT call_schema CHECK (schema = 3);
