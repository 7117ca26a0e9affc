//! The text of the file that tells scripts the job's variables, for `docker run --env-file` and
//! hooks that check a job before it runs. Pure; it never holds a value of the agent.

use std::collections::BTreeMap;

/// Settings of the agent that a container of the job may want, in the peer's order. A name without
/// a value makes docker pass the variable on as it finds it, and leave it out where it is unset.
const SETTINGS: [&str; 33] = [
    "BUILDKITE_GIT_CHECKOUT_FLAGS",
    "BUILDKITE_ARTIFACT_UPLOAD_CONCURRENCY",
    "BUILDKITE_GIT_CLEAN_FLAGS",
    "BUILDKITE_GIT_CLONE_FLAGS",
    "BUILDKITE_GIT_CLONE_MIRROR_FLAGS",
    "BUILDKITE_GIT_MIRROR_CHECKOUT_MODE",
    "BUILDKITE_GIT_FETCH_FLAGS",
    "BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT",
    "BUILDKITE_GIT_MIRRORS_PATH",
    "BUILDKITE_GIT_MIRRORS_SKIP_UPDATE",
    "BUILDKITE_GIT_SUBMODULES",
    "BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG",
    "BUILDKITE_CHECKOUT_OVERRIDE_MODE",
    "BUILDKITE_CANCEL_GRACE_PERIOD",
    "BUILDKITE_COMMAND_EVAL",
    "BUILDKITE_LOCAL_HOOKS_ENABLED",
    "BUILDKITE_PLUGINS_ENABLED",
    "BUILDKITE_REDACTED_VARS",
    "BUILDKITE_SHELL",
    "BUILDKITE_HOOKS_SHELL",
    "BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS",
    "BUILDKITE_SSH_KEYSCAN",
    "BUILDKITE_STRICT_SINGLE_HOOKS",
    "BUILDKITE_TRACE_CONTEXT_ENCODING",
    "BUILDKITE_TRACING_BACKEND",
    "BUILDKITE_TRACING_SERVICE_NAME",
    "BUILDKITE_TRACING_TRACEPARENT",
    "BUILDKITE_TRACING_TRACESTATE",
    "BUILDKITE_TRACING_PROPAGATE_TRACEPARENT",
    "BUILDKITE_AGENT_AWS_KMS_KEY",
    "BUILDKITE_AGENT_GCP_KMS_KEY",
    "BUILDKITE_AGENT_JWKS_FILE",
    "BUILDKITE_AGENT_JWKS_KEY_ID",
];

/// A line for each variable of the job, its value in Go's quotes, because that is what the peer
/// writes and scripts undo. `with_settings` puts the names of the agent's settings before them.
pub(crate) fn text(variables: &BTreeMap<String, String>, with_settings: bool) -> String {
    let mut text = String::new();
    if with_settings {
        for name in SETTINGS {
            text.push_str(name);
            text.push('\n');
        }
    }
    for (name, value) in variables {
        text.push_str(name);
        text.push('=');
        text.push_str(&shared_goquote::quote(value.as_bytes()));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> BTreeMap<String, String> {
        BTreeMap::from([
            ("A".to_owned(), "1\n\"2\"".to_owned()),
            ("BUILDKITE_SHELL".to_owned(), String::new()),
        ])
    }

    const JOB: &str = "A=\"1\\n\\\"2\\\"\"\nBUILDKITE_SHELL=\"\"\n";

    #[test]
    fn the_job_alone_has_a_value_on_every_line() {
        assert_eq!(text(&job(), false), JOB);
    }

    #[test]
    fn names_of_settings_come_first_without_values() {
        let text = text(&job(), true);
        let names = text.strip_suffix(JOB).unwrap();
        assert!(names.starts_with("BUILDKITE_GIT_CHECKOUT_FLAGS\nBUILDKITE_ARTIFACT_UPLOAD"));
        assert!(names.ends_with("_JWKS_FILE\nBUILDKITE_AGENT_JWKS_KEY_ID\n"));
        assert!(!names.contains('=') && !names.contains("TOKEN"));
    }
}
