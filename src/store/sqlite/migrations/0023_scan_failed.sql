-- Rows whose scan was ordered stay `accepted`. Those whose scan failed, timed out or was cancelled on its device, as it was
-- last seen, are a state of their own: such a device was not scanned.
UPDATE device_row SET state = 'scan_failed'
WHERE state = 'accepted'
  AND (detail LIKE '%"action_status":"Failed"%' OR detail LIKE '%"action_status":"TimeOut"%'
    OR detail LIKE '%"action_status":"Cancelled"%' OR detail LIKE '%"action_status":"Canceled"%');
INSERT INTO tally (campaign, state, rows) SELECT id, 'scan_failed', 0 FROM campaign;
UPDATE tally SET rows = (
    SELECT count(*) FROM device_row r
    WHERE r.id BETWEEN tally.campaign * 4294967296 AND (tally.campaign + 1) * 4294967296 - 1
      AND r.state = 'scan_failed')
WHERE state = 'scan_failed'
  AND EXISTS (SELECT 1 FROM tally t WHERE t.campaign = tally.campaign AND t.state = 'accepted' AND t.rows > 0);
UPDATE tally SET rows = rows - (SELECT e.rows FROM tally e WHERE e.campaign = tally.campaign AND e.state = 'scan_failed')
WHERE state = 'accepted';

-- A program that was at work before knows nothing of it.
DROP TRIGGER IF EXISTS call_schema;
CREATE TRIGGER call_schema BEFORE INSERT ON call WHEN NEW.schema IS NOT 23 BEGIN
    SELECT RAISE(ABORT, 'a newer version of fleetsweep brought this store up to date; go on with that version');
END;
