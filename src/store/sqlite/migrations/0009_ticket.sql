-- The change request or incident that a campaign was ordered for.
ALTER TABLE campaign ADD COLUMN ticket TEXT;
