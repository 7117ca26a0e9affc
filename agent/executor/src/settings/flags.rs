//! The command line of `agent bootstrap`: each flag is another way to give one variable.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;

use agent_flags::{Item, Takes};

use super::error::SettingsError;

use Takes::{Switch, Value};

/// Variables of flags that are accepted and change nothing, see [`super::idle`].
const IDLE: [&str; 3] = [
    "BUILDKITE_AGENT_META_DATA_QUEUE", // a fact for hooks, which read the variable
    "BUILDKITE_GIT_REMOTE_MIRROR_URL",
    "BUILDKITE_TRACE_CONTEXT_ENCODING", // of the variable of Datadog's own tracers; see `trace`
];

/// Whether nothing depends on the flag of this variable.
pub(super) fn is_idle(variable: &str) -> bool {
    IDLE.contains(&variable)
}

/// One flag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag {
    /// Its name, without dashes.
    pub(crate) name: &'static str,
    /// Whether it takes a value.
    pub(crate) takes: Takes,
    /// What counts where neither flag nor variable says anything.
    pub(crate) default: &'static str,
    /// The variable that says the same.
    pub(crate) variable: &'static str,
}

const fn flag(
    name: &'static str,
    takes: Takes,
    default: &'static str,
    variable: &'static str,
) -> Flag {
    Flag {
        name,
        takes,
        default,
        variable,
    }
}

/// Every flag, in the order of the help text.
#[rustfmt::skip] // one flag a line
pub(crate) const FLAGS: &[Flag] = &[
    flag("command", Value, "", "BUILDKITE_COMMAND"),
    flag("job", Value, "", "BUILDKITE_JOB_ID"),
    flag("repository", Value, "", "BUILDKITE_REPO"),
    flag("commit", Value, "", "BUILDKITE_COMMIT"),
    flag("branch", Value, "", "BUILDKITE_BRANCH"),
    flag("tag", Value, "", "BUILDKITE_TAG"),
    flag("refspec", Value, "", "BUILDKITE_REFSPEC"),
    flag("plugins", Value, "", "BUILDKITE_PLUGINS"),
    flag("secrets", Value, "", "BUILDKITE_SECRETS_CONFIG"),
    flag("pullrequest", Value, "", "BUILDKITE_PULL_REQUEST"),
    flag("pull-request-using-merge-refspec", Switch, "false", "BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC"),
    flag("agent", Value, "", "BUILDKITE_AGENT_NAME"),
    flag("queue", Value, "", "BUILDKITE_AGENT_META_DATA_QUEUE"),
    flag("organization", Value, "", "BUILDKITE_ORGANIZATION_SLUG"),
    flag("pipeline", Value, "", "BUILDKITE_PIPELINE_SLUG"),
    flag("pipeline-provider", Value, "", "BUILDKITE_PIPELINE_PROVIDER"),
    flag("artifact-upload-paths", Value, "", "BUILDKITE_ARTIFACT_PATHS"),
    flag("artifact-upload-destination", Value, "", "BUILDKITE_ARTIFACT_UPLOAD_DESTINATION"),
    flag("clean-checkout", Switch, "false", "BUILDKITE_CLEAN_CHECKOUT"),
    flag("skip-checkout", Switch, "", "BUILDKITE_SKIP_CHECKOUT"),
    flag("checkout-override-mode", Value, "from-job", "BUILDKITE_CHECKOUT_OVERRIDE_MODE"),
    flag("git-checkout-flags", Value, "-f", "BUILDKITE_GIT_CHECKOUT_FLAGS"),
    flag("git-clone-flags", Value, "-v", "BUILDKITE_GIT_CLONE_FLAGS"),
    flag("git-clone-mirror-flags", Value, "-v", "BUILDKITE_GIT_CLONE_MIRROR_FLAGS"),
    flag("git-clean-flags", Value, "-ffxdq", "BUILDKITE_GIT_CLEAN_FLAGS"),
    flag("git-commit-verification", Value, "", "BUILDKITE_GIT_COMMIT_VERIFICATION"),
    flag("git-fetch-flags", Value, "-v --prune", "BUILDKITE_GIT_FETCH_FLAGS"),
    flag("git-sparse-checkout-paths", Value, "", "BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS"),
    flag("git-sparse-checkout-mode", Value, "cone", "BUILDKITE_GIT_SPARSE_CHECKOUT_MODE"),
    flag("git-ssh-key", Value, "", "BUILDKITE_GIT_SSH_KEY"),
    flag("git-remote-mirror-url", Value, "", "BUILDKITE_GIT_REMOTE_MIRROR_URL"),
    flag("git-mirrors-path", Value, "", "BUILDKITE_GIT_MIRRORS_PATH"),
    flag("git-mirror-checkout-mode", Value, "reference", "BUILDKITE_GIT_MIRROR_CHECKOUT_MODE"),
    flag("git-mirrors-lock-timeout", Value, "300", "BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT"),
    flag("git-mirrors-skip-update", Switch, "false", "BUILDKITE_GIT_MIRRORS_SKIP_UPDATE"),
    flag("git-submodule-clone-config", Value, "", "BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG"),
    flag("git-checkout-timeout", Value, "0", "BUILDKITE_GIT_CHECKOUT_TIMEOUT"),
    flag("git-skip-fetch-existing-commits", Switch, "false", "BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS"),
    flag("checkout-attempts", Value, "6", "BUILDKITE_CHECKOUT_ATTEMPTS"),
    flag("bin-path", Value, "", "BUILDKITE_BIN_PATH"),
    flag("build-path", Value, "", "BUILDKITE_BUILD_PATH"),
    flag("hooks-path", Value, "", "BUILDKITE_HOOKS_PATH"),
    flag("additional-hooks-paths", Value, "", "BUILDKITE_ADDITIONAL_HOOKS_PATHS"),
    flag("sockets-path", Value, "~/.buildkite-agent/sockets", "BUILDKITE_SOCKETS_PATH"),
    flag("plugins-path", Value, "", "BUILDKITE_PLUGINS_PATH"),
    flag("command-eval", Switch, "true", "BUILDKITE_COMMAND_EVAL"),
    flag("plugins-enabled", Switch, "true", "BUILDKITE_PLUGINS_ENABLED"),
    flag("plugin-validation", Switch, "false", "BUILDKITE_PLUGIN_VALIDATION"),
    flag("plugins-always-clone-fresh", Switch, "false", "BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH"),
    flag("local-hooks-enabled", Switch, "true", "BUILDKITE_LOCAL_HOOKS_ENABLED"),
    flag("ssh-keyscan", Switch, "true", "BUILDKITE_SSH_KEYSCAN"),
    flag("git-submodules", Switch, "true", "BUILDKITE_GIT_SUBMODULES"),
    flag("git-lfs-enabled", Switch, "false", "BUILDKITE_GIT_LFS_ENABLED"),
    flag("pty", Switch, "true", "BUILDKITE_PTY"),
    flag("shell", Value, "/bin/bash -e -c", "BUILDKITE_SHELL"),
    flag("hooks-shell", Value, "", "BUILDKITE_HOOKS_SHELL"),
    flag("phases", Value, "", "BUILDKITE_BOOTSTRAP_PHASES"),
    flag("tracing-backend", Value, "", "BUILDKITE_TRACING_BACKEND"),
    flag("tracing-service-name", Value, "buildkite-agent", "BUILDKITE_TRACING_SERVICE_NAME"),
    flag("tracing-traceparent", Value, "", "BUILDKITE_TRACING_TRACEPARENT"),
    flag("tracing-tracestate", Value, "", "BUILDKITE_TRACING_TRACESTATE"),
    flag("tracing-propagate-traceparent", Switch, "false", "BUILDKITE_TRACING_PROPAGATE_TRACEPARENT"),
    flag("no-job-api", Switch, "false", "BUILDKITE_AGENT_NO_JOB_API"),
    flag("job-logs-otlp", Switch, "false", "BUILDKITE_JOB_LOGS_OTLP"),
    flag("disable-warnings-for", Value, "", "BUILDKITE_AGENT_DISABLE_WARNINGS_FOR"),
    flag("cancel-signal", Value, "SIGTERM", "BUILDKITE_CANCEL_SIGNAL"),
    flag("cancel-grace-period", Value, "10", "BUILDKITE_CANCEL_GRACE_PERIOD"),
    flag("signal-grace-period-seconds", Value, "-1", "BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS"),
    flag("debug", Switch, "false", "BUILDKITE_AGENT_DEBUG"),
    flag("log-level", Value, "notice", "BUILDKITE_AGENT_LOG_LEVEL"),
    flag("experiment", Value, "", "BUILDKITE_AGENT_EXPERIMENT"),
    flag("profile", Value, "", "BUILDKITE_AGENT_PROFILE"),
    flag("redacted-vars", Value, "*_PASSWORD,*_SECRET,*_TOKEN,*_PRIVATE_KEY,*_SSH_KEY,*_ACCESS_KEY,*_SECRET_KEY,*_CONNECTION_STRING,*_API_KEY", "BUILDKITE_REDACTED_VARS"),
    flag("strict-single-hooks", Switch, "false", "BUILDKITE_STRICT_SINGLE_HOOKS"),
    flag("trace-context-encoding", Value, "gob", "BUILDKITE_TRACE_CONTEXT_ENCODING"),
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
            .find(|flag| flag.name == name)
            .map(|flag| (Some(flag.variable), flag.takes)),
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

/// The help text: every flag, its variable, and whether it does nothing.
pub(crate) fn help() -> String {
    let mut help = String::from(
        "Runs one job: checks out its repository and runs its command. Started by the agent.\n\n\
         Usage: agent bootstrap [flags]\n\nFlags, each also as a variable of the environment:\n",
    );
    for flag in FLAGS {
        let value = if flag.takes == Value { " VALUE" } else { "" };
        let _ = write!(help, "  --{}{value}  [{}]", flag.name, flag.variable);
        if !flag.default.is_empty() && flag.default != "false" {
            let _ = write!(help, "  (default {})", flag.default);
        }
        if is_idle(flag.variable) {
            help.push_str("  (no effect in this version)");
        }
        help.push('\n');
    }
    help
}

/// The flag of a variable, for messages.
pub(crate) fn flag_of(variable: &str) -> &'static str {
    FLAGS
        .iter()
        .find(|flag| flag.variable == variable)
        .map_or("?", |flag| flag.name)
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

    /// The peer's flags: name, kind, default, variable.
    const PEER: &str = include_str!("bootstrap.tsv");

    #[test]
    fn the_flags_are_those_of_the_peer() {
        let own = FLAGS.iter().map(|flag| {
            let kind = if flag.takes == Value {
                "value"
            } else {
                "switch"
            };
            [flag.name, kind, flag.default, flag.variable].join("\t")
        });
        let peer = PEER.lines().skip(1).map(str::to_owned);
        assert_eq!(own.collect::<Vec<_>>(), peer.collect::<Vec<_>>());
    }

    #[test]
    fn the_help_text_names_variables_and_defaults_and_what_has_no_effect() {
        let help = help();
        for line in [
            "  --git-clean-flags VALUE  [BUILDKITE_GIT_CLEAN_FLAGS]  (default -ffxdq)\n",
            "  --clean-checkout  [BUILDKITE_CLEAN_CHECKOUT]\n",
            "  --profile VALUE  [BUILDKITE_AGENT_PROFILE]\n",
            "  --queue VALUE  [BUILDKITE_AGENT_META_DATA_QUEUE]  (no effect in this version)\n",
        ] {
            assert!(help.contains(line), "{help}");
        }
    }
}
