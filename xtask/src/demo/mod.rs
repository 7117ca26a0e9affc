//! `cargo xtask demo`: three tiers run a real pipeline and are upgraded meanwhile.
//!
//! Everything happens in one folder and on loopback, through the interfaces a user has: binaries,
//! HTTP, log files. Whatever the demo prints at the end it has checked; a wrong result is an error.

mod follow;
mod verdict;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::{Value, json};

use crate::cargo;
use crate::chain::{self, Api, Chain, Profile, Start};
use verdict::{Facts, JobFact};

/// Version stamps of the two releases.
const RELEASE_A: &str = "0.1.0-demo.a";
const RELEASE_B: &str = "0.1.0-demo.b";

/// Run a real pipeline on three tiers, and upgrade them meanwhile.
#[derive(Parser, Default)]
pub(crate) struct Args {
    /// Leave everything running at the end, and say how to stop it.
    #[arg(long)]
    keep: bool,
    /// Work in this folder instead of a new one below the temporary folder.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Builds, runs and checks the demo.
pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = match &args.dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
            dir.canonicalize()?
        }
        None => tempfile::Builder::new()
            .prefix("trireme-demo-")
            .tempdir()?
            .keep(),
    };
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?
        .block_on(play(&folder, args.keep));
    match &outcome {
        Err(_) => eprintln!(
            "demo: the logs are in {}",
            folder.join("host/logs").display()
        ),
        Ok(()) if !args.keep => remove_bulk(&folder)?,
        Ok(()) => {}
    }
    outcome
}

/// Leaves logs and records for a look, and takes away what is only big.
fn remove_bulk(folder: &Path) -> Result<()> {
    for bulk in ["bin", "builds", "host/store", "server/releases/v1/blobs"] {
        let path = folder.join(bulk);
        std::fs::remove_dir_all(&path).with_context(|| format!("remove {}", path.display()))?;
    }
    Ok(())
}

async fn play(folder: &Path, keep: bool) -> Result<()> {
    say(
        "building the server, the bootstrapper and two releases (the second differs by its version stamp)",
    );
    let built = chain::build_server_and_bootstrapper(folder, Profile::Dev)?;
    let release_b = chain::release(folder, Profile::Dev, RELEASE_B)?;
    let release_a = chain::release(folder, Profile::Dev, RELEASE_A)?;
    say("starting the server on an embedded database");
    let mut chain = Chain::start(&Start {
        folder,
        built: &built,
        release: &release_a,
        version: RELEASE_A,
        agent_config: "tags=\"demo=true\"\n",
    })?;
    let api = Api::new(&chain.server_url, &chain.api_token)?;
    say(&format!(
        "server at {}, release {RELEASE_A} published, bootstrapper started",
        chain.server_url
    ));
    let publish_b = || {
        say(&format!(
            "while that job runs: publishing release {RELEASE_B}"
        ));
        chain::publish(&built, folder, RELEASE_B, &release_b)
    };
    let jobs = build_of_this_repository(&api, &chain.server_url, folder, publish_b).await?;
    chain.wait_for_commit_of(RELEASE_B).await?;
    let facts = Facts {
        jobs: jobs.iter().map(JobFact::from_json).collect::<Result<_>>()?,
        expected_versions: vec![RELEASE_A, RELEASE_A, RELEASE_A, RELEASE_B],
        gap_ms: chain.gap_ms()?,
        logs: chain.logs(),
    };
    if !keep {
        chain.stop()?;
    }
    verdict::report(&facts, &chain.server_url)?;
    if keep {
        println!("{}", chain.keep());
    }
    Ok(())
}

/// Runs the pipeline; `publish` is called once, while the long job runs. Returns the ended jobs.
async fn build_of_this_repository(
    api: &Api,
    server_url: &str,
    folder: &Path,
    publish: impl FnOnce() -> Result<()>,
) -> Result<Vec<Value>> {
    let repository = chain::clone_repository(folder)?;
    api.create_pipeline("trireme", &repository.to_string_lossy(), steps())
        .await?;
    let number = api.create_build("trireme", &cargo::head_commit()?).await?;
    say(&format!(
        "build {number} of this repository: {} steps",
        steps().len()
    ));
    say(&format!(
        "page: {server_url}/pipelines/trireme/builds/{number}"
    ));
    let mut publish = Some(publish);
    follow::until_finished(api, "trireme", number, |label| {
        match publish.take_if(|_| label == COUNTING) {
            Some(publish) => publish(),
            None => Ok(()),
        }
    })
    .await?;
    api.jobs("trireme", number).await
}

/// Label of the step during which the second release is published.
const COUNTING: &str = "Count for 20 seconds";

/// The steps: real commands in a real clone of this repository.
fn steps() -> Vec<Value> {
    [
        ("Tools", "cargo --version && git --version"),
        ("Last commit", "git log -1 --stat | head -20"),
        (COUNTING, "for i in $(seq 1 20); do echo \"second $i, agent $BUILDKITE_AGENT_NAME\"; sleep 1; done"),
        ("Which agent runs now", "trireme-agent --version && wc -l README.md"),
    ]
    .map(|(label, command)| json!({"label": label, "command": command}))
    .to_vec()
}

/// One line of progress.
fn say(line: &str) {
    println!("demo: {line}");
}
