-- Rows whose scan somebody took back stay `cancelled`. Those whose scan was cancelled because its window or its time
-- was over are a state of their own: such a scan is wanted still. Of rows that were pruned nothing tells which it was.
UPDATE device_row r SET state = 'expired' FROM tally t
WHERE t.state = 'cancelled' AND t.rows > 0 AND r.campaign = t.campaign
  AND r.state = 'cancelled' AND r.detail LIKE '%"reason":"expired by fleetsweep %';
INSERT INTO tally (campaign, state, rows)
SELECT c.id, 'expired', count(r.seq)
FROM campaign c
LEFT JOIN tally t ON t.campaign = c.id AND t.state = 'cancelled' AND t.rows > 0
LEFT JOIN device_row r ON r.campaign = t.campaign AND r.state = 'expired'
GROUP BY c.id;
UPDATE tally t SET rows = t.rows - e.rows FROM tally e
WHERE e.campaign = t.campaign AND e.state = 'expired' AND t.state = 'cancelled';
