-- Times are milliseconds since the Unix epoch. JSON stands in TEXT.

-- Tokens are kept as their sha256 only. `subject` is the agent of a worker's token and the job of a
-- job's token; tokens that people make have none.
CREATE TABLE tokens (
    sha256      BLOB    NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
    kind        TEXT    NOT NULL CHECK (kind IN ('agent', 'api', 'worker', 'job')),
    subject     TEXT,
    description TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_subject ON tokens (subject) WHERE subject IS NOT NULL;

CREATE TABLE agents (
    id            TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    hostname      TEXT    NOT NULL,
    version       TEXT    NOT NULL,
    arch          TEXT    NOT NULL,
    tags          TEXT    NOT NULL,
    takes_jobs    INTEGER NOT NULL,
    presence      TEXT    NOT NULL,
    registered_at INTEGER NOT NULL,
    heard_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX agents_by_presence ON agents (presence, heard_at);

CREATE TABLE pipelines (
    id         TEXT    NOT NULL PRIMARY KEY,
    slug       TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    repository TEXT    NOT NULL,
    steps      TEXT    NOT NULL,
    builds     INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE builds (
    id          TEXT    NOT NULL PRIMARY KEY,
    pipeline_id TEXT    NOT NULL REFERENCES pipelines (id),
    number      INTEGER NOT NULL,
    commit_id   TEXT    NOT NULL,
    branch      TEXT    NOT NULL,
    message     TEXT    NOT NULL,
    env         TEXT    NOT NULL,
    creator     TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    UNIQUE (pipeline_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX builds_by_time ON builds (created_at);

-- One row per step of a build. Which of the columns from `agent_id` on are set follows from `state`.
CREATE TABLE jobs (
    id           TEXT    NOT NULL PRIMARY KEY,
    build_id     TEXT    NOT NULL REFERENCES builds (id),
    place        INTEGER NOT NULL,
    step         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    log_size     INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    agent_id     TEXT,
    scheduled_at INTEGER,
    lease_until  INTEGER,
    accepted_at  INTEGER,
    started_at   INTEGER,
    finished_at  INTEGER,
    reason       TEXT,
    exit_status  INTEGER,
    signal       TEXT,
    UNIQUE (build_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_unfinished ON jobs (state, scheduled_at) WHERE finished_at IS NULL;
CREATE INDEX jobs_held ON jobs (agent_id) WHERE finished_at IS NULL AND agent_id IS NOT NULL;
CREATE INDEX jobs_by_end ON jobs (finished_at) WHERE finished_at IS NOT NULL;

-- Which pieces of a log have arrived; their bytes are in a file.
CREATE TABLE chunks (
    job_id   TEXT    NOT NULL REFERENCES jobs (id),
    sequence INTEGER NOT NULL,
    start    INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    PRIMARY KEY (job_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX chunks_by_place ON chunks (job_id, start);
