-- Rows whose scan somebody took back stay `cancelled`. Those whose scan was cancelled because its window or its time
-- was over are a state of their own: such a scan is wanted still. Of rows that were pruned nothing tells which it was.
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
UPDATE tally SET rows = rows - (SELECT e.rows FROM tally e WHERE e.campaign = tally.campaign AND e.state = 'expired')
WHERE state = 'cancelled';
