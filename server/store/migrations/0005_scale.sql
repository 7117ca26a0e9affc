-- The queue by what its jobs ask of a worker: however long it is, a ping looks at one job for each
-- set of rules.
CREATE INDEX jobs_by_rules ON jobs (step ->> 'agents', scheduled_at, id) WHERE state = 'scheduled';
-- Tokens of jobs are removed while everything else is kept, so they are found without the rest.
CREATE INDEX tokens_of_jobs ON tokens (created_at, subject) WHERE kind = 'job';
-- Which workers of a machine are there, and which there were.
DROP INDEX agents_by_host;
CREATE INDEX agents_by_host ON agents (host_id, presence, heard_at) WHERE host_id IS NOT NULL;
-- Where a piece of a log ends, without its row.
DROP INDEX chunks_by_place;
CREATE INDEX chunks_by_place ON chunks (job_id, start, size) WHERE size > 0;
