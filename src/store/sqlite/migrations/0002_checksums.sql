-- A checksum of each row that nothing else in the file repeats: a flipped bit in it is noticed when the
-- row is read, and not acted on. What an index repeats (`call.seen_by`, keys, names) is compared by
-- PRAGMA integrity_check instead. Only this program computes them (`sql/checksum.rs`); it fills them in
-- for rows that were written before.
ALTER TABLE device_row ADD COLUMN sum INTEGER;
ALTER TABLE budget ADD COLUMN sum INTEGER;
ALTER TABLE campaign ADD COLUMN sum INTEGER;
ALTER TABLE campaign ADD COLUMN notes_sum INTEGER;
ALTER TABLE campaign ADD COLUMN quota_sum INTEGER;
ALTER TABLE clock ADD COLUMN sum INTEGER;
