-- Campaigns by when they were finished, so that what looks back some weeks reads none that are older.
CREATE INDEX campaign_finished ON campaign (finished_at);
