//! The one register of environment variables that tiers and jobs agree on.
//!
//! Names with `BUILDKITE_` are the peer's and keep their meaning; names with `TRIREME_` are ours.

macro_rules! variables {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*

        /// Every name of this register, for the check that none is spelled out elsewhere.
        pub const ALL: &[&str] = &[$($text),*];
    };
}

variables! {
    /// Token that registers workers.
    AGENT_TOKEN = "BUILDKITE_AGENT_TOKEN";
    /// Base address of the Agent API.
    AGENT_ENDPOINT = "BUILDKITE_AGENT_ENDPOINT";
    /// Token of the worker or, in a job, of the job.
    AGENT_ACCESS_TOKEN = "BUILDKITE_AGENT_ACCESS_TOKEN";
    /// Name of the worker.
    AGENT_NAME = "BUILDKITE_AGENT_NAME";
    /// Id of the worker.
    AGENT_ID = "BUILDKITE_AGENT_ID";
    /// Process id of the agent.
    AGENT_PID = "BUILDKITE_AGENT_PID";
    /// Marker file that is written when a job ran into its time limit.
    AGENT_JOB_TIMEOUT_FILE = "BUILDKITE_AGENT_JOB_TIMEOUT_FILE";
    /// Folder of the running agent, appended to `PATH`.
    BIN_PATH = "BUILDKITE_BIN_PATH";
    /// Folder below which jobs are checked out.
    BUILD_PATH = "BUILDKITE_BUILD_PATH";
    /// Folder of this job's checkout.
    BUILD_CHECKOUT_PATH = "BUILDKITE_BUILD_CHECKOUT_PATH";
    /// The job's id.
    JOB_ID = "BUILDKITE_JOB_ID";
    /// The build's id.
    BUILD_ID = "BUILDKITE_BUILD_ID";
    /// Number of the build in its pipeline.
    BUILD_NUMBER = "BUILDKITE_BUILD_NUMBER";
    /// What to run.
    COMMAND = "BUILDKITE_COMMAND";
    /// Exit status of the command.
    COMMAND_EXIT_STATUS = "BUILDKITE_COMMAND_EXIT_STATUS";
    /// What to check out.
    COMMIT = "BUILDKITE_COMMIT";
    /// Branch of the build.
    BRANCH = "BUILDKITE_BRANCH";
    /// Address of the repository.
    REPO = "BUILDKITE_REPO";
    /// Message of the build.
    MESSAGE = "BUILDKITE_MESSAGE";
    /// Label of the step.
    LABEL = "BUILDKITE_LABEL";
    /// Organization of the pipeline.
    ORGANIZATION_SLUG = "BUILDKITE_ORGANIZATION_SLUG";
    /// The pipeline.
    PIPELINE_SLUG = "BUILDKITE_PIPELINE_SLUG";
    /// Kind of the repository's host, such as `github` or `git`.
    PIPELINE_PROVIDER = "BUILDKITE_PIPELINE_PROVIDER";
    /// Shell that runs the command.
    SHELL = "BUILDKITE_SHELL";
    /// Patterns of variable names whose values are hidden in the log.
    REDACTED_VARS = "BUILDKITE_REDACTED_VARS";
    /// Names that the job asked for and the agent overruled.
    IGNORED_ENV = "BUILDKITE_IGNORED_ENV";
    /// Signal for a job that is canceled.
    CANCEL_SIGNAL = "BUILDKITE_CANCEL_SIGNAL";
    /// Seconds a canceled job gets in all.
    CANCEL_GRACE_PERIOD = "BUILDKITE_CANCEL_GRACE_PERIOD";
    /// Seconds a canceled command gets before it is killed.
    SIGNAL_GRACE_PERIOD_SECONDS = "BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS";
    /// Set in the job once it is canceled.
    JOB_CANCELLED = "BUILDKITE_JOB_CANCELLED";
    /// Folder of the agent's sockets.
    SOCKETS_PATH = "BUILDKITE_SOCKETS_PATH";
    /// Socket of the job's own API.
    JOB_API_SOCKET = "BUILDKITE_AGENT_JOB_API_SOCKET";
    /// Token of the job's own API.
    JOB_API_TOKEN = "BUILDKITE_AGENT_JOB_API_TOKEN";
    /// Whether the job runs in a terminal.
    PTY = "BUILDKITE_PTY";

    /// Launcher to agent: folder of the host's state.
    TRIREME_STATE_DIR = "TRIREME_STATE_DIR";
    /// Launcher to agent: start without taking jobs and wait for `accept`.
    TRIREME_STANDBY = "TRIREME_STANDBY";
    /// Launcher to agent: sha256 of the agent's file, in hex.
    TRIREME_AGENT_DIGEST = "TRIREME_AGENT_DIGEST";
    /// Launcher to agent: serial of the release the agent came with.
    TRIREME_RELEASE_SERIAL = "TRIREME_RELEASE_SERIAL";
    /// Launcher to agent: endpoint to use when nothing else names one.
    TRIREME_DEFAULT_ENDPOINT = "TRIREME_DEFAULT_ENDPOINT";
    /// Launcher to agent: the archive of native plugins that belongs to it.
    TRIREME_PLUGINS = "TRIREME_PLUGINS";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_named_once_and_has_a_known_prefix() {
        let mut names = ALL.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        assert!(
            ALL.iter()
                .all(|name| name.starts_with("BUILDKITE_") || name.starts_with("TRIREME_"))
        );
    }
}
