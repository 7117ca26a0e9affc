//! Secrets of the step: fetched from the endpoint, hidden in the log, set as variables.

use crate::failure::Failure;
use crate::job::Job;

/// Fetches them. Any that cannot be had ends the job before its first hook.
#[expect(clippy::unused_async, reason = "secrets are fetched; that comes next")]
pub(super) async fn run(job: &mut Job) -> Result<(), Failure> {
    let _ = job;
    Ok(())
}
