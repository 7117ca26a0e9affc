-- Since when a job is to stop, and how much of a log was reported as lost.
ALTER TABLE jobs ADD COLUMN stopping_at INTEGER;
ALTER TABLE jobs ADD COLUMN chunks_failed INTEGER NOT NULL DEFAULT 0;
-- Jobs that are being stopped while the server is upgraded: counted from their start.
UPDATE jobs SET stopping_at = coalesce(started_at, created_at)
WHERE state IN ('canceling', 'timing_out');
