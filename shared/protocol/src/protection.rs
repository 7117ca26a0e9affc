//! Which variables of a job are the agent's to decide, and against whom.
//!
//! The one table of this rule. The runner asks it when it lays its settings over the job's own
//! variables; the executor asks it before a hook, a plugin, the job API or a secret changes one.

/// Who decides the variables of the checkout: `--checkout-override-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OverrideMode {
    /// The agent, always.
    Strict,
    /// The agent where it has something to say, against the job's own variables and secrets; hooks
    /// may change all of them, and sparse checkouts belong to the job.
    #[default]
    FromJob,
    /// The job.
    None,
}

impl OverrideMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Strict, Self::FromJob, Self::None];

    /// How settings spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::FromJob => "from-job",
            Self::None => "none",
        }
    }

    /// The mode of a name in settings.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// Who wants to write a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// A hook, a plugin or the job API: whatever runs within the job.
    Hook,
    /// The variables that the endpoint sent with the job.
    Job,
    /// A secret of the step.
    Secret,
}

/// Why a variable cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// It belongs to the agent, in every mode.
    Agent,
    /// It is about the checkout, which the mode leaves to the agent.
    Checkout,
}

/// What kind of variable one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The agent's own.
    Agent,
    /// Set by the endpoint, changed by hooks at will, but never a secret's.
    Step,
    /// About the checkout.
    Checkout,
    /// About a sparse checkout, where a step knows better than the agent.
    Sparse,
}

/// The names, less `BUILDKITE_`, sorted.
const KINDS: &[(&str, Kind)] = &[
    ("AGENT_ACCESS_TOKEN", Kind::Agent),
    ("AGENT_DEBUG", Kind::Agent),
    ("AGENT_ENDPOINT", Kind::Agent),
    ("AGENT_JOB_TIMEOUT_FILE", Kind::Agent),
    ("AGENT_PID", Kind::Agent),
    ("ARTIFACT_PATHS", Kind::Step),
    ("ARTIFACT_UPLOAD_DESTINATION", Kind::Step),
    ("BIN_PATH", Kind::Agent),
    ("BUILD_PATH", Kind::Agent),
    ("CHECKOUT_OVERRIDE_MODE", Kind::Agent),
    ("COMMAND_EVAL", Kind::Agent),
    ("CONFIG_PATH", Kind::Agent),
    ("CONTAINER_COUNT", Kind::Agent),
    ("GIT_CHECKOUT_FLAGS", Kind::Checkout),
    ("GIT_CHECKOUT_TIMEOUT", Kind::Checkout),
    ("GIT_CLEAN_FLAGS", Kind::Checkout),
    ("GIT_CLONE_FLAGS", Kind::Checkout),
    ("GIT_CLONE_MIRROR_FLAGS", Kind::Agent),
    ("GIT_COMMIT_VERIFICATION", Kind::Checkout),
    ("GIT_FETCH_FLAGS", Kind::Checkout),
    ("GIT_MIRRORS_LOCK_TIMEOUT", Kind::Agent),
    ("GIT_MIRRORS_PATH", Kind::Agent),
    ("GIT_MIRRORS_SKIP_UPDATE", Kind::Agent),
    ("GIT_MIRROR_CHECKOUT_MODE", Kind::Agent),
    ("GIT_REMOTE_MIRROR_URL", Kind::Agent),
    ("GIT_SKIP_FETCH_EXISTING_COMMITS", Kind::Checkout),
    ("GIT_SPARSE_CHECKOUT_MODE", Kind::Sparse),
    ("GIT_SPARSE_CHECKOUT_PATHS", Kind::Sparse),
    ("GIT_SUBMODULES", Kind::Checkout),
    ("GIT_SUBMODULE_CLONE_CONFIG", Kind::Agent),
    ("HOOKS_PATH", Kind::Agent),
    ("HOOKS_SHELL", Kind::Agent),
    ("JOB_CONTEXT_DIR", Kind::Agent),
    ("KUBERNETES_EXEC", Kind::Agent),
    ("LOCAL_HOOKS_ENABLED", Kind::Agent),
    ("PLUGINS_ALWAYS_CLONE_FRESH", Kind::Step),
    ("PLUGINS_ENABLED", Kind::Agent),
    ("PLUGINS_PATH", Kind::Agent),
    ("REFSPEC", Kind::Step),
    ("REPO", Kind::Step),
    ("SHELL", Kind::Agent),
    ("SKIP_CHECKOUT", Kind::Checkout),
    ("SSH_KEYSCAN", Kind::Agent),
];

/// What keeps `writer` from writing the variable `name`; none if nothing does.
///
/// Names differ by case only where the system's variables do.
pub fn against(name: &str, writer: Writer, mode: OverrideMode) -> Option<Protection> {
    let kind = kind(name)?;
    let free = match (kind, mode) {
        (Kind::Agent, _) => return Some(Protection::Agent),
        (Kind::Step, _) => return (writer == Writer::Secret).then_some(Protection::Agent),
        (_, OverrideMode::Strict) => false,
        (_, OverrideMode::None) => true,
        (Kind::Checkout, OverrideMode::FromJob) => writer == Writer::Hook,
        (Kind::Sparse, OverrideMode::FromJob) => writer != Writer::Secret,
    };
    (!free).then_some(Protection::Checkout)
}

fn kind(name: &str) -> Option<Kind> {
    let upper;
    let name = if cfg!(windows) {
        upper = name.to_ascii_uppercase();
        &upper
    } else {
        name
    };
    let rest = name.strip_prefix("BUILDKITE_")?;
    let index = KINDS.binary_search_by_key(&rest, |(name, _)| name).ok()?;
    Some(KINDS[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    use OverrideMode::{FromJob, None as Free, Strict};
    use Writer::{Hook, Job, Secret};

    const WRITERS: [Writer; 3] = [Hook, Job, Secret];

    #[test]
    fn the_table_is_sorted_and_names_nothing_twice() {
        assert!(KINDS.is_sorted_by(|(a, _), (b, _)| a < b));
    }

    #[test]
    fn who_may_write_what_in_which_mode() {
        let locked = |name, mode| WRITERS.map(|writer| against(name, writer, mode).is_some());
        // hook, job, secret
        for (name, strict, from_job, free) in [
            ("BUILDKITE_AGENT_ENDPOINT", [true; 3], [true; 3], [true; 3]),
            (
                "BUILDKITE_REPO",
                [false, false, true],
                [false, false, true],
                [false, false, true],
            ),
            (
                "BUILDKITE_GIT_CLONE_FLAGS",
                [true; 3],
                [false, true, true],
                [false; 3],
            ),
            (
                "BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS",
                [true; 3],
                [false, false, true],
                [false; 3],
            ),
            ("BUILDKITE_GIT_SSH_KEY", [false; 3], [false; 3], [false; 3]),
            ("GIT_CLONE_FLAGS", [false; 3], [false; 3], [false; 3]),
            ("", [false; 3], [false; 3], [false; 3]),
        ] {
            let found = [Strict, FromJob, Free].map(|mode| locked(name, mode));
            assert_eq!(found, [strict, from_job, free], "{name}");
        }
    }

    #[test]
    fn the_reason_tells_the_agent_from_the_mode() {
        let name = "BUILDKITE_GIT_CLONE_FLAGS";
        assert_eq!(against(name, Hook, Strict), Some(Protection::Checkout));
        let name = "BUILDKITE_SHELL";
        assert_eq!(against(name, Hook, Strict), Some(Protection::Agent));
    }

    #[test]
    fn modes_are_read_as_they_are_written() {
        for mode in OverrideMode::ALL {
            assert_eq!(OverrideMode::from_name(mode.name()), Some(mode));
        }
        assert_eq!(OverrideMode::from_name("Strict"), None);
    }

    #[cfg(unix)]
    #[test]
    fn another_case_is_another_variable() {
        assert_eq!(against("buildkite_shell", Hook, Strict), None);
    }
}
