-- How a campaign's devices were dealt into waves and what is asked between them, as JSON; nothing for one wave
-- after which nothing is judged.
ALTER TABLE campaign ADD COLUMN rollout TEXT;
-- Since when every device of the present wave has its outcome (a moment of the limiter), and that too many of
-- them failed, as JSON: nothing after it is ordered until somebody has looked. `wave_sum` covers both.
ALTER TABLE campaign ADD COLUMN wave_over INTEGER;
ALTER TABLE campaign ADD COLUMN wave_failed TEXT;
