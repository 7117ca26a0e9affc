//! Whether a job may run on this host, asked when the endpoint knows that it started and nothing of
//! it has run yet.
//!
//! ```text
//! signature ─▶ allow-lists ─▶ pre-bootstrap hook ─▶ the job runs
//! ```
//!
//! A job that may not run is finished like any other, with the reason; why is in its log.

pub mod allow_list;
pub mod hook;
pub mod signature;

mod re2;

use crate::accept::Accepted;
use crate::log::Log;
use crate::outcome::NotRun;
use allow_list::AllowLists;
use hook::HookSettings;
use signature::SignatureCheck;

/// A mirror of the job's repository on the host.
const MIRROR: &str = "BUILDKITE_GIT_REMOTE_MIRROR_URL";

/// What a job has to pass.
#[derive(Debug, Default)]
pub struct Checks {
    /// Whose jobs this agent runs.
    pub signature: SignatureCheck,
    /// What this agent runs.
    pub allowed: AllowLists,
    /// The host's own hook.
    pub hook: HookSettings,
}

impl Accepted {
    /// Asks all that can be told from the job itself, and takes out of it what it is not to have.
    pub(crate) async fn check(&mut self, log: &Log) -> Result<(), NotRun> {
        self.verify(log).await?;
        let allowed = &self.settings.checks.allowed;
        if let Err(refusal) = allowed.check(&self.job.env) {
            tracing::warn!(job = %self.job.id, "job refused: {refusal}");
            log.say(&format!("{refusal}\n")).await;
            return Err(NotRun::Refused);
        }
        let mirror = self.job.env.get(MIRROR);
        if mirror.is_some_and(|mirror| allowed.leaves_out(mirror)) {
            self.job.env.remove(MIRROR);
            log.say("The mirror of the repository is not allowed here and is not used\n")
                .await;
        }
        Ok(())
    }
}
