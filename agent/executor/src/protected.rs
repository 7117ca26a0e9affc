//! Which variables what runs within this job may change. The table itself is shared with the
//! runner: [`shared_protocol::protection`].

use shared_protocol::protection::{self, OverrideMode, Protection, Writer};

/// Whether a hook, a plugin or the job API may set or remove this variable.
///
/// It decides by name and mode only, so the job API may hold it while children run.
pub(crate) fn may_change(name: &str, mode: OverrideMode) -> bool {
    protection::against(name, Writer::Hook, mode).is_none()
}

/// What keeps a secret from becoming this variable, as the end of a sentence that names it.
pub(crate) fn against_secret(name: &str, mode: OverrideMode) -> Option<&'static str> {
    protection::against(name, Writer::Secret, mode).map(|protection| match protection {
        Protection::Agent => "is protected; only the agent decides it",
        Protection::Checkout => {
            "is about the checkout, which the agent's checkout-override-mode keeps from secrets"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_that_leaves_the_checkout_to_the_agent_locks_it_for_hooks_and_secrets() {
        let name = "BUILDKITE_GIT_CLONE_FLAGS";
        assert!(!may_change(name, OverrideMode::Strict));
        assert!(may_change(name, OverrideMode::FromJob));
        let why = against_secret(name, OverrideMode::FromJob).unwrap();
        assert!(why.contains("checkout-override-mode"), "{why}");
        assert_eq!(against_secret(name, OverrideMode::None), None);
    }

    #[test]
    fn what_the_agent_owns_is_locked_in_every_mode() {
        for mode in OverrideMode::ALL {
            assert!(!may_change("BUILDKITE_HOOKS_PATH", mode));
            assert!(against_secret("BUILDKITE_HOOKS_PATH", mode).is_some());
        }
    }
}
