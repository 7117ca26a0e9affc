//! A store, and a server's past to fill it with.

use std::collections::BTreeMap;
use std::time::Duration;

use server_jobs::{Admission, Moment};
use server_store::{Asking, DataDir, NewAgent, NewBuild, NewPipeline, Step, Store};
use shared_protocol::enroll::EnrollRequest;
use shared_protocol::{AgentId, BuildId, HostId, JobId, Secret};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, Row as _};
use tempfile::TempDir;

pub(crate) const NOW: Moment = Moment::from_millis(1_000_000);

pub(crate) struct Bed {
    pub(crate) store: Store,
    database: SqlitePool,
    _folder: TempDir,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::prepare(folder.path()).unwrap();
        let store = Store::open(&dir).await.unwrap();
        let options = SqliteConnectOptions::new().filename(folder.path().join("trireme.db"));
        Self {
            store,
            database: SqlitePool::connect_with(options).await.unwrap(),
            _folder: folder,
        }
    }

    /// 1,000 builds of 20 jobs each with logs and tokens, 10,000 workers of 1,000 machines, and a
    /// queue of 2,000 jobs more for workers that are not here.
    pub(crate) async fn fill(&self) {
        for sql in [
            "INSERT INTO pipelines VALUES ('old', 'old', 'old', 'r', '[]', 1000, 0)",
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
             INSERT INTO builds SELECT 'b' || i, 'old', i, 'c', 'b', '', '{}', '', i FROM n",
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19999) \
             INSERT INTO jobs (id, build_id, place, step, created_at, log_size, state, agent_id, \
             finished_at, reason) SELECT 'j' || i, 'b' || (i / 20), i % 20, \
             '{\"label\":\"\",\"command\":\"a\",\"agents\":[]}', i, 0, 'passed', 'a' || (i / 2), i, \
             'exited' FROM n",
            "INSERT INTO jobs (id, build_id, place, step, created_at, log_size, state, scheduled_at) \
             SELECT 'q' || substr(id, 2), build_id, place + 100, \
             '{\"label\":\"\",\"command\":\"a\",\"agents\":[\"queue=gpu\"]}', 1, 0, 'scheduled', 1 \
             FROM jobs WHERE id LIKE 'j%' AND place < 2",
            "INSERT INTO chunks SELECT id, 1, 0, 9 FROM jobs WHERE id LIKE 'j%'",
            "INSERT INTO agents (id, name, hostname, version, arch, tags, takes_jobs, presence, \
             registered_at, heard_at, host_id) SELECT 'a' || substr(id, 2), id, 'h', '', '', '[]', 1, \
             'connected', 0, 2000000, 'h' || (substr(id, 2) / 10) FROM jobs \
             WHERE id LIKE 'j%' AND CAST(substr(id, 2) AS INTEGER) < 10000",
            "INSERT INTO tokens SELECT randomblob(32), 'worker', id, '', 0 FROM agents",
            "INSERT INTO hosts (id, secret, admission, boot, hostname, os, arch, version, location, \
             resources, environments, asked_at, heard_at) SELECT 'h' || i, randomblob(32), 'approved', \
             'b', 'h', '', '', '', '', '[]', '[]', 0, 0 FROM \
             (SELECT number AS i FROM builds WHERE pipeline_id = 'old')",
        ] {
            sqlx::query(sql).execute(&self.database).await.unwrap();
        }
    }

    /// The steps of the database's plan for a statement.
    pub(crate) async fn plan(&self, sql: &str) -> Vec<String> {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = sqlx::query(explain).fetch_all(&self.database).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.iter().map(|row| row.get("detail")).collect()
    }

    /// A worker that suits its pipeline only.
    pub(crate) async fn agent(&self, pipeline: &str) -> AgentId {
        let new = NewAgent {
            name: pipeline.to_owned(),
            tags: vec![format!("queue={pipeline}")],
            takes_jobs: true,
            ..NewAgent::default()
        };
        let (id, secret) = self.store.register(&new, NOW).await.unwrap();
        self.store.connect(&id, NOW).await.unwrap();
        self.store.set_present(&id, NOW).await.unwrap();
        self.store.grant(secret.expose()).await.unwrap();
        id
    }

    pub(crate) async fn build(&self, pipeline: &str, steps: usize) -> BuildId {
        let step = Step {
            command: "true".to_owned(),
            agents: vec![format!("queue={pipeline}")],
            ..Step::default()
        };
        let new = NewPipeline {
            slug: pipeline.to_owned(),
            name: pipeline.to_owned(),
            repository: String::new(),
            steps: vec![step; steps],
        };
        let pipeline = self.store.create_pipeline(&new, NOW).await.unwrap();
        let build = NewBuild {
            commit: String::new(),
            branch: String::new(),
            message: String::new(),
            env: BTreeMap::new(),
            creator: String::new(),
        };
        let made = self.store.create_build(&pipeline, &build, NOW).await;
        made.unwrap().0.id
    }

    /// What a ping of the worker brings.
    pub(crate) async fn offered(&self, agent: &AgentId) -> JobId {
        let row = self.store.agent(agent).await.unwrap();
        let lease = Duration::from_secs(30);
        self.store.offer(&row, lease, NOW).await.unwrap().unwrap().0
    }

    pub(crate) async fn enroll_and_remove(&self) {
        let request = EnrollRequest {
            id: "6f9619ff-8b86-4011-b42d-00c04fc964ff".to_owned(),
            boot: "b".to_owned(),
            ..EnrollRequest::default()
        };
        let asking = Asking {
            request: &request,
            secret: &Secret::new("secret"),
            has_key: false,
            most_pending: 100,
        };
        let host = HostId::new(request.id.clone());
        self.store.enroll(&asking, NOW).await.unwrap();
        self.store.decide(&host, Admission::Approved).await.unwrap();
        self.store.grant("secret").await.unwrap().unwrap();
        self.store.enroll(&asking, NOW).await.unwrap();
        self.store.host(&host).await.unwrap();
        self.store.hosts().await.unwrap();
        self.store.remove_host(&host).await.unwrap();
    }
}
