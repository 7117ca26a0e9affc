//! The register of experiments: what a name in `--experiment` means to this version.
//!
//! Agent and executor read the same list. A name is passed on to jobs and to the endpoint whatever
//! it means here.

/// Something that is off unless an agent asks for it by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Experiment {
    /// A socket on the host for locks between jobs.
    AgentApi,
    /// Of several workers of one agent, the later have the lower priority.
    DescendingSpawnPriority,
    /// In `pipeline upload` the process's variables beat those of the pipeline.
    InterpolationPrefersRuntimeEnv,
    /// Paths of artifacts are uploaded with forward slashes.
    NormalisedUploadPaths,
    /// The job's env file lists the names of the agent's settings.
    PropagateAgentConfigVars,
    /// A terminal that changes no line end.
    PtyRaw,
    /// After the checkout the job sees the commit's full name, whatever it was asked by.
    ResolveCommitAfterCheckout,
    /// Plugins that are zip files.
    ZipPlugins,
}

/// What has become of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Off unless asked for.
    Available(Experiment),
    /// Always on; asking for it changes nothing.
    Promoted,
    /// Never on.
    Removed,
    /// Nothing that this version ever heard of.
    Unknown,
}

use Standing::{Available, Promoted, Removed};

/// Every name that has a meaning, sorted.
const REGISTER: &[(&str, Standing)] = &[
    ("agent-api", Available(Experiment::AgentApi)),
    // Artifacts outside of their folder were a hole, which no host gets back by a name.
    ("allow-artifact-path-traversal", Removed),
    ("ansi-timestamps", Promoted),
    ("avoid-recursive-trap", Promoted),
    (
        "descending-spawn-priority",
        Available(Experiment::DescendingSpawnPriority),
    ),
    ("flock-file-locks", Promoted),
    ("git-mirrors", Promoted),
    ("inbuilt-status-page", Promoted),
    (
        "interpolation-prefers-runtime-env",
        Available(Experiment::InterpolationPrefersRuntimeEnv),
    ),
    ("isolated-plugin-checkout", Promoted),
    ("job-api", Promoted),
    // A flag today: --kubernetes-exec.
    ("kubernetes-exec", Removed),
    // The order this version always has.
    ("legacy-post-hook-order", Promoted),
    (
        "normalised-upload-paths",
        Available(Experiment::NormalisedUploadPaths),
    ),
    // A canceled job never finishes with 0.
    ("override-zero-exit-on-cancel", Promoted),
    ("polyglot-hooks", Promoted),
    (
        "propagate-agent-config-vars",
        Available(Experiment::PropagateAgentConfigVars),
    ),
    ("pty-raw", Available(Experiment::PtyRaw)),
    (
        "resolve-commit-after-checkout",
        Available(Experiment::ResolveCommitAfterCheckout),
    ),
    ("use-zzglob", Promoted),
    ("zip-plugins", Available(Experiment::ZipPlugins)),
];

/// What a name means.
pub fn standing(name: &str) -> Standing {
    match REGISTER.binary_search_by_key(&name, |(name, _)| name) {
        Ok(index) => REGISTER[index].1,
        Err(_) => Standing::Unknown,
    }
}

/// The experiments that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Experiments(Vec<Experiment>);

impl Experiments {
    /// Those among `names` that can be switched on; the others mean nothing here.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let standings = names.into_iter().map(standing);
        Self(
            standings
                .filter_map(|standing| match standing {
                    Available(experiment) => Some(experiment),
                    Promoted | Removed | Standing::Unknown => None,
                })
                .collect(),
        )
    }

    /// Whether this one was asked for.
    pub fn has(&self, experiment: Experiment) -> bool {
        self.0.contains(&experiment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_register_is_sorted_and_names_nothing_twice() {
        assert!(REGISTER.is_sorted_by(|(a, _), (b, _)| a < b));
    }

    #[test]
    fn a_name_is_known_by_what_became_of_it() {
        for (name, wanted) in [
            ("pty-raw", Available(Experiment::PtyRaw)),
            ("job-api", Promoted),
            ("allow-artifact-path-traversal", Removed),
            ("PTY-RAW", Standing::Unknown),
            ("", Standing::Unknown),
        ] {
            assert_eq!(standing(name), wanted, "{name}");
        }
    }

    #[test]
    fn names_without_a_meaning_switch_nothing_on() {
        let asked = Experiments::from_names(["job-api", "sails", "pty-raw"]);
        assert!(asked.has(Experiment::PtyRaw));
        assert!(!asked.has(Experiment::ZipPlugins));
        assert_eq!(asked, Experiments::from_names(["pty-raw"]));
    }
}
