-- Rows whose scan somebody took back stay `cancelled`. Those whose scan was cancelled because its window or its time
-- was over are a state of their own: such a scan is wanted still.
UPDATE device_row r SET state = 'expired' FROM tally t
WHERE t.state = 'cancelled' AND t.rows > 0 AND r.campaign = t.campaign
  AND r.state = 'cancelled' AND r.detail LIKE '%"reason":"expired by fleetsweep %';
INSERT INTO tally (campaign, state, rows)
SELECT c.id, 'expired', count(r.seq)
FROM campaign c
LEFT JOIN tally t ON t.campaign = c.id AND t.state = 'cancelled' AND t.rows > 0
LEFT JOIN device_row r ON r.campaign = t.campaign AND r.state = 'expired'
GROUP BY c.id;
-- Of rows that were pruned nothing tells which it was: those of a campaign that nobody called off counted as wanted.
UPDATE tally e SET rows = t.rows FROM tally t, campaign c
WHERE c.pruned_at IS NOT NULL AND NOT c.called_off
  AND e.campaign = c.id AND e.state = 'expired' AND t.campaign = c.id AND t.state = 'cancelled';
UPDATE tally t SET rows = t.rows - e.rows FROM tally e
WHERE e.campaign = t.campaign AND e.state = 'expired' AND e.rows > 0 AND t.state = 'cancelled';

-- A program that was at work before knows nothing of it.
ALTER TABLE call DROP CONSTRAINT call_schema;
UPDATE call SET schema = 2;
ALTER TABLE call ADD CONSTRAINT call_schema CHECK (schema = 2);
