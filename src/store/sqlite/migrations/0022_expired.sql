-- Rows whose scan somebody took back stay `cancelled`. Those whose scan was cancelled because its window or its time
-- was over are a state of their own: such a scan is wanted still.
UPDATE device_row SET state = 'expired' FROM tally t
WHERE t.state = 'cancelled' AND t.rows > 0
  AND device_row.id BETWEEN t.campaign * 4294967296 AND (t.campaign + 1) * 4294967296 - 1
  AND device_row.state = 'cancelled' AND device_row.detail LIKE '%"reason":"expired by fleetsweep %';
INSERT INTO tally (campaign, state, rows) SELECT id, 'expired', 0 FROM campaign;
UPDATE tally SET rows = (
    SELECT count(*) FROM device_row r
    WHERE r.id BETWEEN tally.campaign * 4294967296 AND (tally.campaign + 1) * 4294967296 - 1 AND r.state = 'expired')
WHERE state = 'expired'
  AND EXISTS (SELECT 1 FROM tally t WHERE t.campaign = tally.campaign AND t.state = 'cancelled' AND t.rows > 0);
-- Of rows that were pruned nothing tells which it was: those of a campaign that nobody called off counted as wanted.
UPDATE tally SET rows = (SELECT c.rows FROM tally c WHERE c.campaign = tally.campaign AND c.state = 'cancelled')
WHERE state = 'expired' AND campaign IN (SELECT id FROM campaign WHERE pruned_at IS NOT NULL AND called_off = 0);
UPDATE tally SET rows = rows - (SELECT e.rows FROM tally e WHERE e.campaign = tally.campaign AND e.state = 'expired')
WHERE state = 'cancelled';

-- A program that was at work before knows nothing of it.
DROP TRIGGER IF EXISTS call_schema;
CREATE TRIGGER call_schema BEFORE INSERT ON call WHEN NEW.schema IS NOT 22 BEGIN
    SELECT RAISE(ABORT, 'a newer version of fleetsweep brought this store up to date; go on with that version');
END;
