//! The phases of a job, in order. A phase is a file.

mod artifacts;
mod batch;
mod checkout;
mod command;
mod debug;
mod secrets;
mod setup;
mod teardown;

use shared_protocol::env as names;

use crate::checkout::credentials;
use crate::control::Rest;
use crate::desk;
use crate::failure::Failure;
use crate::job::{Job, Span};
use crate::plugin;
use crate::settings::Phase;
use crate::trace::{self, inside};

/// Runs the whole job; answers its exit status.
pub(crate) async fn run(job: &mut Job) -> i32 {
    trace::begin(job);
    let status = all(job).await;
    let said = job.log.send().await;
    trace::end(job).await;
    match said.and(job.log.send().await) {
        Ok(()) => status,
        Err(error) => Failure::Log(error).status(),
    }
}

async fn all(job: &mut Job) -> i32 {
    if let Err(error) = desk::open(job) {
        let text = format!("failed to open the job API: {error}");
        job.log.error(&text);
        trace::note(job, &text);
        return 1;
    }
    let outcome = work(job).await;
    let status = match &outcome {
        Ok(()) => command_status(job),
        Err(failure) => report(job, failure),
    };
    let torn_down = inside(job, Span::new("pre-exit"), teardown::run).await;
    let status = match &torn_down {
        Ok(()) => status,
        Err(failure) => report(job, failure),
    };
    desk::close(job).await;
    status
}

/// The status of the command; 0 if none ran.
fn command_status(job: &Job) -> i32 {
    let status = job.env.text(names::COMMAND_EXIT_STATUS);
    status.and_then(|status| status.parse().ok()).unwrap_or(0)
}

async fn work(job: &mut Job) -> Result<(), Failure> {
    credentials::prepare(job).await?;
    let repository = job.settings.checkout.repository.clone();
    inside(job, Span::new("environment"), setup::run).await?;
    credentials::follow(job, &repository).await?;
    let has = |phase| job.settings.phases.contains(&phase);
    let (plugins, checkout, command) = (
        has(Phase::Plugin),
        has(Phase::Checkout),
        has(Phase::Command),
    );
    let prepared = if plugins {
        run_one(Phase::Plugin, job).await
    } else {
        Ok(())
    };
    if prepared.is_ok() && checkout {
        run_one(Phase::Checkout, job).await?;
    } else {
        checkout::enter_existing(job);
    }
    prepared?;
    if plugins {
        plugin::prepare_vendored(job).await?;
    }
    if command {
        let result = run_one(Phase::Command, job).await;
        job.allow(Rest::Artifacts);
        let artifacts = artifacts::run(job).await;
        if command_status(job) != 0 {
            let status = command_status(job);
            trace::note(job, &format!("the command ended with status {status}"));
        }
        return settle(job, result, artifacts);
    }
    Ok(())
}

async fn run_one(phase: Phase, job: &mut Job) -> Result<(), Failure> {
    match phase {
        Phase::Plugin => plugin::prepare(job).await,
        Phase::Checkout => inside(job, Span::new("checkout"), checkout::run).await,
        Phase::Command => inside(job, Span::new("command"), command::run).await,
    }
}

/// A failed upload is what the job ends with, unless its command failed: then it is only said.
fn settle(
    job: &mut Job,
    command: Result<(), Failure>,
    artifacts: Result<(), Failure>,
) -> Result<(), Failure> {
    let Err(failure) = artifacts else {
        return command;
    };
    if command.is_ok() && command_status(job) == 0 {
        return Err(failure);
    }
    report(job, &failure);
    command
}

/// Says in the log why the job ends early; answers its exit status.
fn report(job: &mut Job, failure: &Failure) -> i32 {
    trace::note(job, &failure.to_string());
    match failure {
        Failure::SetUp(_) => job
            .log
            .error(&format!("failed to set up the job: {failure}")),
        Failure::Hook(_) => job.log.error(&failure.to_string()),
        Failure::Checkout(_) => job.log.error(&format!("failed to check out: {failure}")),
        Failure::Plugin(_) => job
            .log
            .error(&format!("failed to prepare plugins: {failure}")),
        // The log says so already, or there is nobody to tell.
        Failure::Told(_) | Failure::Canceled | Failure::Log(_) => {}
    }
    failure.status()
}
