//! Warnings that a host may do without: `--disable-warnings-for` names them.

use crate::job::Job;

/// A warning with a name. Names are the peer's, so that lists of them keep their meaning; a name
/// in a list that is none of these switches nothing off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Warning {
    /// A pattern of variables to hide cannot be read.
    BadRedactedVars,
    /// What the build should know of its commit could not be found or sent.
    GitCommitResolutionFailed,
    /// The job API is switched off.
    JobApiDisabled,
    /// The job API cannot be had on this host.
    JobApiUnavailable,
    /// A value that should be hidden is too short for it.
    ShortRedactedVars,
    /// The repository has submodules, and they are switched off.
    SubmodulesDisabled,
    /// Submodules are left out of a sparse checkout.
    SubmodulesInitSkipped,
}

impl Warning {
    /// Its name in `--disable-warnings-for`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BadRedactedVars => "bad-redacted-vars",
            Self::GitCommitResolutionFailed => "git-commit-resolution-failed",
            Self::JobApiDisabled => "job-api-disabled",
            Self::JobApiUnavailable => "job-api-unavailable",
            Self::ShortRedactedVars => "short-redacted-vars",
            Self::SubmodulesDisabled => "submodules-disabled",
            Self::SubmodulesInitSkipped => "submodules-init-skipped",
        }
    }
}

impl Job {
    /// Warns, unless the host does without this warning.
    pub(crate) fn warn(&mut self, warning: Warning, text: &str) {
        let name = warning.name();
        if !self
            .settings
            .quiet_warnings
            .iter()
            .any(|quiet| quiet == name)
        {
            self.log.warning(text);
        }
    }
}
