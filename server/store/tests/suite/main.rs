//! The store through its public surface, on a real database in a temporary folder.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chunks;
mod folder;
mod hosts;
mod jobs;
mod tokens;

use std::collections::BTreeMap;

use server_jobs::Moment;
use server_store::{BuildRow, DataDir, NewAgent, NewBuild, NewPipeline, PipelineRow, Step, Store};
use shared_protocol::{AgentId, JobId};
use tempfile::TempDir;

const NOW: Moment = Moment::from_millis(1_000_000);

struct Bed {
    store: Store,
    folder: TempDir,
}

impl Bed {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dir = DataDir::prepare(folder.path()).expect("a data folder");
        let store = Store::open(&dir).await.expect("a database");
        Self { store, folder }
    }

    async fn agent(&self, name: &str) -> AgentId {
        let new = NewAgent {
            name: name.to_owned(),
            takes_jobs: true,
            ..NewAgent::default()
        };
        self.store.register(&new, NOW).await.expect("registered").0
    }

    async fn build(&self, steps: &[&str]) -> BuildRow {
        let step = |command: &&str| Step {
            command: (*command).to_owned(),
            ..Step::default()
        };
        let steps = steps.iter().map(step).collect();
        self.start(&self.pipeline("rocket", steps).await).await
    }

    async fn pipeline(&self, slug: &str, steps: Vec<Step>) -> PipelineRow {
        let pipeline = NewPipeline {
            slug: slug.to_owned(),
            name: slug.to_owned(),
            repository: "/srv/rocket.git".to_owned(),
            steps,
        };
        let made = self.store.create_pipeline(&pipeline, NOW).await;
        made.expect("made")
    }

    async fn start(&self, pipeline: &PipelineRow) -> BuildRow {
        let build = NewBuild {
            commit: "HEAD".to_owned(),
            branch: "main".to_owned(),
            message: String::new(),
            env: BTreeMap::new(),
            creator: String::new(),
        };
        let made = self.store.create_build(pipeline, &build, NOW).await;
        made.expect("made").0
    }

    async fn states(&self, build: &BuildRow) -> Vec<&'static str> {
        let jobs = self.store.jobs_of(&build.id).await.expect("jobs");
        jobs.iter().map(|job| job.state.name()).collect()
    }

    async fn job(&self, build: &BuildRow, place: usize) -> JobId {
        self.store.jobs_of(&build.id).await.expect("jobs")[place]
            .id
            .clone()
    }
}
