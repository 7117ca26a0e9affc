-- Machines that asked to be let in. `boot` is the run of the machine that holds the identity; another
-- one that wants it is in `rival_boot`.
CREATE TABLE hosts (
    id           TEXT    NOT NULL PRIMARY KEY,
    secret       BLOB    NOT NULL UNIQUE CHECK (length(secret) = 32),
    admission    TEXT    NOT NULL,
    boot         TEXT    NOT NULL,
    rival_boot   TEXT,
    rival_since  INTEGER,
    hostname     TEXT    NOT NULL,
    os           TEXT    NOT NULL,
    arch         TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    location     TEXT    NOT NULL,
    free_bytes   INTEGER,
    resources    TEXT    NOT NULL,
    environments TEXT    NOT NULL,
    asked_at     INTEGER NOT NULL,
    heard_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX hosts_by_admission ON hosts (admission, heard_at);
-- The machine of a worker that registered with its machine's secret.
ALTER TABLE agents ADD COLUMN host_id TEXT;
CREATE INDEX agents_by_host ON agents (host_id) WHERE host_id IS NOT NULL;
