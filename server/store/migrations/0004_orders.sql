-- What a worker was asked to do about new jobs: nothing, `pause` or `stop`. A pause without an end
-- lasts until it is taken back.
ALTER TABLE agents ADD COLUMN asked TEXT CHECK (asked IN ('pause', 'stop'));
ALTER TABLE agents ADD COLUMN pause_note TEXT;
ALTER TABLE agents ADD COLUMN pause_until INTEGER;
