-- The worker that a pause was handed on to, when an agent was replaced.
ALTER TABLE agents ADD COLUMN heir TEXT;
CREATE INDEX agents_paused ON agents (name) WHERE asked = 'pause' AND heir IS NULL;
-- When a machine last asked, or its last worker left.
ALTER TABLE hosts ADD COLUMN seen_at INTEGER NOT NULL DEFAULT 0;
UPDATE hosts SET seen_at = max(heard_at, coalesce(
    (SELECT max(heard_at) FROM agents WHERE host_id = hosts.id), 0));
