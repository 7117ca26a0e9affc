//! `cargo xtask soak`: many short jobs on many workers of one agent, against a real server.
//!
//! Every job has to end once, with its own status and its own log; neither agent nor server may grow;
//! nothing may be left when they have gone. It says how fast that was, and whether agent or server
//! was at work, early and late.

mod bed;
mod watch;

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use serde_json::{Value, json};

use crate::chain::{Api, Profile};
use bed::Bed;
use watch::{Times, Watch};

/// Run many short jobs and look for what is lost and what is left.
#[derive(Parser)]
pub(crate) struct Args {
    /// Workers of the one agent.
    #[arg(long, default_value_t = 100)]
    workers: usize,
    /// Jobs in all.
    #[arg(long, default_value_t = 2000)]
    jobs: usize,
    /// Use release builds; without it nothing is optimized, and rates mean little.
    #[arg(long)]
    release: bool,
}

/// The short one, for every change.
pub(crate) const SHORT: Args = Args {
    workers: 10,
    jobs: 100,
    release: false,
};

/// Runs the jobs and prints one table.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(
        args.workers > 0 && args.jobs >= args.workers,
        "there must be a job for each worker"
    );
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?
        .block_on(soak(args))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a task measures how long its jobs take"
)]
async fn soak(args: &Args) -> Result<()> {
    let profile = if args.release {
        Profile::Release
    } else {
        Profile::Dev
    };
    let folder = tempfile::Builder::new().prefix("trireme-soak-").tempdir()?;
    let mut bed = Bed::start(folder.path(), profile, args.workers)?;
    let api = Api::new(&bed.server_url, &bed.api_token)?;
    let begun = Instant::now();
    let before = (Times::of(bed.agent())?, Times::of(bed.server())?);
    // Steps of a build run one after the other, so there is a build for each worker.
    let mut builds = Vec::new();
    for worker in 0..args.workers {
        let count = (args.jobs + args.workers - 1 - worker) / args.workers;
        builds.push(start(&api, worker, count).await?);
    }
    let mut watch = Watch::new(&bed, args.workers, args.jobs);
    watch.until_ended().await?;
    let seconds = begun.elapsed().as_secs_f64();
    let after = (Times::of(bed.agent())?, Times::of(bed.server())?);
    for build in &builds {
        check(&api, build).await?;
    }
    watch.verdict()?;
    bed.stop_agent()?;
    bed.check_reports(args.jobs)?;
    bed.check_leftovers()?;
    bed.stop()?;
    #[expect(clippy::cast_precision_loss, reason = "a count of jobs is small")]
    let jobs = args.jobs as f64;
    println!(
        "soak: {} workers, {} jobs, {:.1} s",
        args.workers, args.jobs, seconds
    );
    println!("  jobs/s                {:8.1}", jobs / seconds);
    let per_job = |ticks: u64| Times::milliseconds(ticks) / jobs;
    println!(
        "  agent CPU ms/job      {:8.2}",
        per_job(after.0.own - before.0.own)
    );
    println!(
        "  executor CPU ms/job   {:8.2}",
        per_job(after.0.children - before.0.children)
    );
    println!(
        "  server CPU ms/job     {:8.2}",
        per_job(after.1.own - before.1.own)
    );
    print!("{watch}");
    Ok(())
}

/// One build and what its jobs are expected to come to.
struct Build {
    pipeline: String,
    number: u64,
    jobs: usize,
}

impl Build {
    /// The last job of a build fails, for what comes after a failure is not run.
    fn status(&self, job: usize) -> i64 {
        if job + 1 == self.jobs { 3 } else { 0 }
    }

    fn word(&self, job: usize) -> String {
        format!("word-{}-{job}.", self.pipeline)
    }
}

async fn start(api: &Api, worker: usize, jobs: usize) -> Result<Build> {
    let mut build = Build {
        pipeline: format!("soak-{worker}"),
        number: 0,
        jobs,
    };
    let env = json!({"BUILDKITE_SKIP_CHECKOUT": "true"});
    let steps = (0..jobs).map(|job| {
        let (word, status) = (build.word(job), build.status(job));
        json!({"command": format!("echo {word}; exit {status}"), "env": env})
    });
    let steps: Vec<Value> = steps.collect();
    api.create_pipeline(&build.pipeline, "/nowhere.git", steps)
        .await?;
    build.number = api.create_build(&build.pipeline, "HEAD").await?;
    Ok(build)
}

/// Every job has its own status, and its own log.
async fn check(api: &Api, build: &Build) -> Result<()> {
    let jobs = api.jobs(&build.pipeline, build.number).await?;
    ensure!(
        jobs.len() == build.jobs,
        "{} has {} jobs",
        build.pipeline,
        jobs.len()
    );
    for (number, job) in jobs.iter().enumerate() {
        let (word, status) = (build.word(number), build.status(number));
        if job["exit_status"] != status {
            bail!("job {word} ended otherwise: {job}");
        }
        let id = job["id"].as_str().context("a job has an id")?;
        let log = api.log(&build.pipeline, build.number, id, 0).await?;
        let log = String::from_utf8_lossy(&log);
        let lines = log.lines().filter(|line| line.ends_with(&word)).count();
        // The command is shown before it runs, and that line goes on after the word.
        ensure!(lines == 1, "the log of {word} has it {lines} times: {log}");
    }
    Ok(())
}
