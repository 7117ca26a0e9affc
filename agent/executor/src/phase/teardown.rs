//! Teardown: runs after every job, however it ended.

use crate::failure::Failure;
use crate::job::Job;

/// Removes what the job had for itself, ends what a canceled job left behind, and sends the rest
/// of the log.
pub(crate) async fn run(job: &mut Job) -> Result<(), Failure> {
    if let Some(scratch) = job.scratch.take() {
        let path = scratch.path().to_owned();
        if let Err(error) = scratch.close() {
            job.log
                .warning(&format!("failed to remove {}: {error}", path.display()));
        }
    }
    job.kill_leftovers();
    job.log.send().await.map_err(Failure::Log)
}
