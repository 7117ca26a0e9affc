//! The command line of `agent bootstrap`: each flag is another way to give one variable.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;

use agent_flags::{Item, Takes};

use super::SettingsError;

use Takes::{Switch, Value};

/// Every flag with its variable, in the order of the help text.
pub(crate) const FLAGS: &[(&str, Takes, &str)] = &[
    ("command", Value, "BUILDKITE_COMMAND"),
    ("job", Value, "BUILDKITE_JOB_ID"),
    ("repository", Value, "BUILDKITE_REPO"),
    ("commit", Value, "BUILDKITE_COMMIT"),
    ("branch", Value, "BUILDKITE_BRANCH"),
    ("tag", Value, "BUILDKITE_TAG"),
    ("refspec", Value, "BUILDKITE_REFSPEC"),
    ("plugins", Value, "BUILDKITE_PLUGINS"),
    ("secrets", Value, "BUILDKITE_SECRETS_CONFIG"),
    ("pullrequest", Value, "BUILDKITE_PULL_REQUEST"),
    (
        "pull-request-using-merge-refspec",
        Switch,
        "BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC",
    ),
    ("agent", Value, "BUILDKITE_AGENT_NAME"),
    ("queue", Value, "BUILDKITE_AGENT_META_DATA_QUEUE"),
    ("organization", Value, "BUILDKITE_ORGANIZATION_SLUG"),
    ("pipeline", Value, "BUILDKITE_PIPELINE_SLUG"),
    ("pipeline-provider", Value, "BUILDKITE_PIPELINE_PROVIDER"),
    ("artifact-upload-paths", Value, "BUILDKITE_ARTIFACT_PATHS"),
    (
        "artifact-upload-destination",
        Value,
        "BUILDKITE_ARTIFACT_UPLOAD_DESTINATION",
    ),
    ("clean-checkout", Switch, "BUILDKITE_CLEAN_CHECKOUT"),
    ("skip-checkout", Switch, "BUILDKITE_SKIP_CHECKOUT"),
    (
        "checkout-override-mode",
        Value,
        "BUILDKITE_CHECKOUT_OVERRIDE_MODE",
    ),
    ("git-checkout-flags", Value, "BUILDKITE_GIT_CHECKOUT_FLAGS"),
    ("git-clone-flags", Value, "BUILDKITE_GIT_CLONE_FLAGS"),
    (
        "git-clone-mirror-flags",
        Value,
        "BUILDKITE_GIT_CLONE_MIRROR_FLAGS",
    ),
    ("git-clean-flags", Value, "BUILDKITE_GIT_CLEAN_FLAGS"),
    (
        "git-commit-verification",
        Value,
        "BUILDKITE_GIT_COMMIT_VERIFICATION",
    ),
    ("git-fetch-flags", Value, "BUILDKITE_GIT_FETCH_FLAGS"),
    (
        "git-sparse-checkout-paths",
        Value,
        "BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS",
    ),
    (
        "git-sparse-checkout-mode",
        Value,
        "BUILDKITE_GIT_SPARSE_CHECKOUT_MODE",
    ),
    ("git-ssh-key", Value, "BUILDKITE_GIT_SSH_KEY"),
    (
        "git-remote-mirror-url",
        Value,
        "BUILDKITE_GIT_REMOTE_MIRROR_URL",
    ),
    ("git-mirrors-path", Value, "BUILDKITE_GIT_MIRRORS_PATH"),
    (
        "git-mirror-checkout-mode",
        Value,
        "BUILDKITE_GIT_MIRROR_CHECKOUT_MODE",
    ),
    (
        "git-mirrors-lock-timeout",
        Value,
        "BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT",
    ),
    (
        "git-mirrors-skip-update",
        Switch,
        "BUILDKITE_GIT_MIRRORS_SKIP_UPDATE",
    ),
    (
        "git-submodule-clone-config",
        Value,
        "BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG",
    ),
    (
        "git-checkout-timeout",
        Value,
        "BUILDKITE_GIT_CHECKOUT_TIMEOUT",
    ),
    (
        "git-skip-fetch-existing-commits",
        Switch,
        "BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS",
    ),
    ("checkout-attempts", Value, "BUILDKITE_CHECKOUT_ATTEMPTS"),
    ("bin-path", Value, "BUILDKITE_BIN_PATH"),
    ("build-path", Value, "BUILDKITE_BUILD_PATH"),
    ("hooks-path", Value, "BUILDKITE_HOOKS_PATH"),
    (
        "additional-hooks-paths",
        Value,
        "BUILDKITE_ADDITIONAL_HOOKS_PATHS",
    ),
    ("sockets-path", Value, "BUILDKITE_SOCKETS_PATH"),
    ("plugins-path", Value, "BUILDKITE_PLUGINS_PATH"),
    ("command-eval", Switch, "BUILDKITE_COMMAND_EVAL"),
    ("plugins-enabled", Switch, "BUILDKITE_PLUGINS_ENABLED"),
    ("plugin-validation", Switch, "BUILDKITE_PLUGIN_VALIDATION"),
    (
        "plugins-always-clone-fresh",
        Switch,
        "BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH",
    ),
    (
        "local-hooks-enabled",
        Switch,
        "BUILDKITE_LOCAL_HOOKS_ENABLED",
    ),
    ("ssh-keyscan", Switch, "BUILDKITE_SSH_KEYSCAN"),
    ("git-submodules", Switch, "BUILDKITE_GIT_SUBMODULES"),
    ("git-lfs-enabled", Switch, "BUILDKITE_GIT_LFS_ENABLED"),
    ("pty", Switch, "BUILDKITE_PTY"),
    ("shell", Value, "BUILDKITE_SHELL"),
    ("hooks-shell", Value, "BUILDKITE_HOOKS_SHELL"),
    ("phases", Value, "BUILDKITE_BOOTSTRAP_PHASES"),
    ("tracing-backend", Value, "BUILDKITE_TRACING_BACKEND"),
    (
        "tracing-service-name",
        Value,
        "BUILDKITE_TRACING_SERVICE_NAME",
    ),
    (
        "tracing-traceparent",
        Value,
        "BUILDKITE_TRACING_TRACEPARENT",
    ),
    ("tracing-tracestate", Value, "BUILDKITE_TRACING_TRACESTATE"),
    (
        "tracing-propagate-traceparent",
        Switch,
        "BUILDKITE_TRACING_PROPAGATE_TRACEPARENT",
    ),
    ("no-job-api", Switch, "BUILDKITE_AGENT_NO_JOB_API"),
    ("job-logs-otlp", Switch, "BUILDKITE_JOB_LOGS_OTLP"),
    (
        "disable-warnings-for",
        Value,
        "BUILDKITE_AGENT_DISABLE_WARNINGS_FOR",
    ),
    ("cancel-signal", Value, "BUILDKITE_CANCEL_SIGNAL"),
    (
        "cancel-grace-period",
        Value,
        "BUILDKITE_CANCEL_GRACE_PERIOD",
    ),
    (
        "signal-grace-period-seconds",
        Value,
        "BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS",
    ),
    ("debug", Switch, "BUILDKITE_AGENT_DEBUG"),
    ("log-level", Value, "BUILDKITE_AGENT_LOG_LEVEL"),
    ("experiment", Value, "BUILDKITE_AGENT_EXPERIMENT"),
    ("profile", Value, "BUILDKITE_AGENT_PROFILE"),
    ("redacted-vars", Value, "BUILDKITE_REDACTED_VARS"),
    (
        "strict-single-hooks",
        Switch,
        "BUILDKITE_STRICT_SINGLE_HOOKS",
    ),
    (
        "trace-context-encoding",
        Value,
        "BUILDKITE_TRACE_CONTEXT_ENCODING",
    ),
];

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// Run, with these variables given by flags.
    Run(BTreeMap<&'static str, String>),
    /// Show the help text and end.
    Help,
}

/// Reads the arguments after `bootstrap`. The last of several equal flags wins.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Parsed, SettingsError> {
    let find = |name: &str| match name {
        "help" | "h" => Some((None, Switch)),
        _ => FLAGS
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|&(_, takes, variable)| (Some(variable), takes)),
    };
    let mut given = BTreeMap::new();
    for item in agent_flags::read(args, find)? {
        match item {
            Item::Flag(Some(variable), value) => {
                given.insert(variable, value);
            }
            Item::Flag(None, _) => return Ok(Parsed::Help),
            Item::Argument(arg) => return Err(SettingsError::Argument(arg)),
        }
    }
    Ok(Parsed::Run(given))
}

/// The help text: every flag and its variable.
pub(crate) fn help() -> String {
    let mut help = String::from(
        "Runs one job: checks out its repository and runs its command. Started by the agent.\n\n\
         Usage: agent bootstrap [flags]\n\nFlags, each also as a variable of the environment:\n",
    );
    for (name, takes, variable) in FLAGS {
        let value = if *takes == Value { " VALUE" } else { "" };
        let _ = writeln!(help, "  --{name}{value}  [{variable}]");
    }
    help
}

/// The flag of a variable, for messages.
pub(crate) fn flag_of(variable: &str) -> &'static str {
    FLAGS
        .iter()
        .find(|(.., known)| *known == variable)
        .map_or("?", |(flag, ..)| flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(args: &[&str]) -> Result<Parsed, SettingsError> {
        parse(args.iter().map(OsString::from))
    }

    #[test]
    fn flags_are_read_with_and_without_an_equals_sign() {
        let given = BTreeMap::from([
            ("BUILDKITE_COMMAND", "echo --x".to_owned()),
            ("BUILDKITE_PTY", "false".to_owned()),
            ("BUILDKITE_CLEAN_CHECKOUT", "true".to_owned()),
            ("BUILDKITE_REFSPEC", String::new()),
        ]);
        let args = [
            "--command",
            "echo --x",
            "-pty=false",
            "--clean-checkout",
            "--refspec=",
        ];
        assert_eq!(run(&args), Ok(Parsed::Run(given)));
        assert_eq!(run(&["--help"]), Ok(Parsed::Help));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (args, text) in [
            (&["--no-such-flag"][..], "no-such-flag"),
            (&["--command"], "command"),
            (&["stray"], "stray"),
        ] {
            let error = run(args).expect_err("refused").to_string();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn no_flag_and_no_variable_is_listed_twice() {
        for (index, (name, _, variable)) in FLAGS.iter().enumerate() {
            let later = &FLAGS[index + 1..];
            assert!(
                later.iter().all(|(n, _, v)| n != name && v != variable),
                "{name}"
            );
        }
        assert!(help().contains("--git-clean-flags VALUE  [BUILDKITE_GIT_CLEAN_FLAGS]"));
    }
}
