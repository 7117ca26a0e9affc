//! Places between the steps of a job, where a test can end the agent.

/// The runner has come to this step. Nothing in a release; a test may kill the agent here, or hold
/// it up. No system call stands behind it, so there is no error either.
pub(crate) fn reached(at: &'static str) {
    let _ = shared_fault::point(at);
}
