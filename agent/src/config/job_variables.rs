//! What the agent's settings mean for the environment of every job. Names are those of
//! buildkite-agent 3.137, so that hooks and plugins find what they look for. Pure.

use std::ffi::OsString;

use agent_runner::environment::{AgentVariables, CheckoutVariable};
use shared_protocol::env;
use shared_protocol::protection::OverrideMode;

use super::flags;
use super::other_names::OTHER_NAMES;
use super::resolve::Grace;
use super::resolve::tracing;
use super::values::{BadValue, Values};

/// Facts about the process that jobs are told.
#[derive(Debug, Clone)]
pub struct ProcessFacts {
    /// Process id of the agent.
    pub pid: u32,
    /// Folder of the agent's program.
    pub bin_folder: String,
    /// The config file that was read, or empty.
    pub config_file: String,
}

/// Settings that others already worked out.
#[derive(Debug, Clone)]
pub struct Worked {
    /// Who decides about the checkout.
    pub mode: OverrideMode,
    /// Folder below which jobs are checked out.
    pub build_path: String,
    /// Shell that runs commands.
    pub shell: String,
    /// Whether plugins are off.
    pub no_plugins: bool,
    /// Seconds a canceled job gets in all, and its command of them.
    pub grace: Grace,
    /// Name of the signal for a canceled command.
    pub cancel_signal: String,
}

/// The variables of every job. `environ` is the agent's own environment.
pub fn variables(
    values: &Values<'_>,
    worked: &Worked,
    facts: &ProcessFacts,
    environ: impl Iterator<Item = (OsString, OsString)>,
) -> Result<AgentVariables, BadValue> {
    let mut fixed = always(values, worked, facts)?;
    fixed.extend(sometimes(values, worked)?);
    let inherited: Vec<_> = environ.filter(|(name, _)| !is_own(name)).collect();
    let names = inherited.iter().map(|(name, _)| name.as_os_str());
    Ok(AgentVariables {
        tracing: tracing::tracing(values, names)?,
        inherited,
        fixed,
        checkout: checkout(values)?,
        mode: worked.mode,
    })
}

/// Whether a variable is a setting of the agent, or for it alone to speak to systemd: nobody else's
/// business.
fn is_own(name: &OsString) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let mut settings = flags::all().flat_map(flags::Flag::variables);
    name.starts_with("TRIREME_")
        || shared_systemd::VARIABLES.contains(&name)
        || settings.any(|variable| variable == name)
        || OTHER_NAMES.iter().any(|other| other.env == name)
}

type Pair = (&'static str, String);

/// How a variable says what a flag is set to.
#[derive(Debug, Clone, Copy)]
enum Says {
    Text,
    Path,
    List,
    Number,
    /// `true` when the switch is on.
    Is,
    /// `true` when it is off.
    IsNot,
}

/// Variables that every job has, and the flags they speak of.
#[rustfmt::skip] // one variable a line
const ALWAYS: &[(&str, Says, &str)] = &[
    ("BUILDKITE_HOOKS_PATH", Says::Path, "hooks-path"),
    ("BUILDKITE_ADDITIONAL_HOOKS_PATHS", Says::List, "additional-hooks-paths"),
    ("BUILDKITE_PLUGINS_PATH", Says::Path, "plugins-path"),
    (env::SOCKETS_PATH, Says::Path, "sockets-path"),
    ("BUILDKITE_AGENT_DEBUG", Says::Is, "debug"),
    ("BUILDKITE_AGENT_DEBUG_HTTP", Says::Is, "debug-http"),
    ("BUILDKITE_AGENT_DISABLE_WARNINGS_FOR", Says::List, "disable-warnings-for"),
    ("BUILDKITE_AGENT_EXPERIMENT", Says::List, "experiment"),
    ("BUILDKITE_NO_HTTP2", Says::Is, "no-http2"),
    ("BUILDKITE_CHECKOUT_ATTEMPTS", Says::Number, "checkout-attempts"),
    ("BUILDKITE_COMMAND_EVAL", Says::IsNot, "no-command-eval"),
    ("BUILDKITE_PLUGIN_VALIDATION", Says::IsNot, "no-plugin-validation"),
    ("BUILDKITE_LOCAL_HOOKS_ENABLED", Says::IsNot, "no-local-hooks"),
    ("BUILDKITE_STRICT_SINGLE_HOOKS", Says::Is, "strict-single-hooks"),
    ("BUILDKITE_SSH_KEYSCAN", Says::IsNot, "no-ssh-keyscan"),
    ("BUILDKITE_GIT_CLONE_MIRROR_FLAGS", Says::Text, "git-clone-mirror-flags"),
    ("BUILDKITE_GIT_MIRRORS_PATH", Says::Path, "git-mirrors-path"),
    ("BUILDKITE_GIT_MIRROR_CHECKOUT_MODE", Says::Text, "git-mirror-checkout-mode"),
    ("BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT", Says::Number, "git-mirrors-lock-timeout"),
    ("BUILDKITE_GIT_MIRRORS_SKIP_UPDATE", Says::Is, "git-mirrors-skip-update"),
    ("BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG", Says::List, "git-submodule-clone-config"),
    ("BUILDKITE_HOOKS_SHELL", Says::Text, "hooks-shell"),
    (env::REDACTED_VARS, Says::List, "redacted-vars"),
    ("BUILDKITE_JOB_LOGS_OTLP", Says::Is, "job-logs-otlp"),
    ("BUILDKITE_TRACE_CONTEXT_ENCODING", Says::Text, "trace-context-encoding"),
];

/// Variables that are there only when their flag has a value. Pipelines that a job uploads are
/// signed with these keys.
#[rustfmt::skip] // one variable a line
const WHEN_SET: &[(&str, Says, &str)] = &[
    ("BUILDKITE_AGENT_PROFILE", Says::Text, "profile"),
    ("BUILDKITE_AGENT_AWS_KMS_KEY", Says::Text, "signing-aws-kms-key"),
    ("BUILDKITE_AGENT_GCP_KMS_KEY", Says::Text, "signing-gcp-kms-key"),
    ("BUILDKITE_AGENT_JWKS_FILE", Says::Path, "signing-jwks-file"),
    ("BUILDKITE_AGENT_JWKS_KEY_ID", Says::Text, "signing-jwks-key-id"),
];

/// Variables of the checkout that the agent always speaks of.
#[rustfmt::skip] // one variable a line
const CHECKOUT: &[(&str, &str)] = &[
    ("BUILDKITE_GIT_CHECKOUT_FLAGS", "git-checkout-flags"),
    ("BUILDKITE_GIT_CLONE_FLAGS", "git-clone-flags"),
    ("BUILDKITE_GIT_FETCH_FLAGS", "git-fetch-flags"),
    ("BUILDKITE_GIT_CLEAN_FLAGS", "git-clean-flags"),
    ("BUILDKITE_GIT_COMMIT_VERIFICATION", "git-commit-verification"),
    ("BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS", "git-sparse-checkout-paths"),
    ("BUILDKITE_GIT_SPARSE_CHECKOUT_MODE", "git-sparse-checkout-mode"),
];

fn always(
    values: &Values<'_>,
    worked: &Worked,
    facts: &ProcessFacts,
) -> Result<Vec<Pair>, BadValue> {
    let mut pairs = vec![
        (env::AGENT_PID, facts.pid.to_string()),
        (env::BIN_PATH, facts.bin_folder.clone()),
        ("BUILDKITE_CONFIG_PATH", facts.config_file.clone()),
        (env::BUILD_PATH, worked.build_path.clone()),
        (env::SHELL, worked.shell.clone()),
        (env::CANCEL_GRACE_PERIOD, worked.grace.whole.to_string()),
        (
            env::SIGNAL_GRACE_PERIOD_SECONDS,
            worked.grace.signal.to_string(),
        ),
        (
            "BUILDKITE_CHECKOUT_OVERRIDE_MODE",
            worked.mode.name().to_owned(),
        ),
        (
            "BUILDKITE_PLUGINS_ENABLED",
            (!worked.no_plugins).to_string(),
        ),
    ];
    for &(variable, says, flag) in ALWAYS {
        pairs.push((variable, said_by(values, says, flag)?));
    }
    Ok(pairs)
}

fn said_by(values: &Values<'_>, says: Says, flag: &str) -> Result<String, BadValue> {
    Ok(match says {
        Says::Text => values.text(flag),
        Says::Path => {
            let path = values.path(flag).unwrap_or_default();
            path.to_string_lossy().into_owned()
        }
        Says::List => values.list(flag).join(","),
        Says::Number => values.number(flag)?.to_string(),
        Says::Is => values.switch(flag)?.to_string(),
        Says::IsNot => (!values.switch(flag)?).to_string(),
    })
}

/// Variables that are there only when they say something unusual.
fn sometimes(values: &Values<'_>, worked: &Worked) -> Result<Vec<Pair>, BadValue> {
    let uploads = values.number("artifact-upload-concurrency")?;
    let all = [
        (values.switch("no-pty")?, env::PTY, "false".to_owned()),
        (
            worked.cancel_signal != "SIGTERM",
            env::CANCEL_SIGNAL,
            worked.cancel_signal.clone(),
        ),
        (
            values.switch("plugins-always-clone-fresh")?,
            "BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH",
            "true".to_owned(),
        ),
        (
            values.switch("no-multipart-artifact-upload")?,
            "BUILDKITE_NO_MULTIPART_ARTIFACT_UPLOAD",
            "true".to_owned(),
        ),
        (
            uploads > 0,
            "BUILDKITE_ARTIFACT_UPLOAD_CONCURRENCY",
            uploads.to_string(),
        ),
        (
            values.switch("debug-signing")?,
            "BUILDKITE_AGENT_DEBUG_SIGNING",
            "true".to_owned(),
        ),
    ];
    let said = all.into_iter().filter(|(said, ..)| *said);
    let mut pairs: Vec<Pair> = said.map(|(_, name, value)| (name, value)).collect();
    for &(variable, says, flag) in WHEN_SET {
        let value = said_by(values, says, flag)?;
        if !value.is_empty() {
            pairs.push((variable, value));
        }
    }
    Ok(pairs)
}

fn checkout(values: &Values<'_>) -> Result<Vec<CheckoutVariable>, BadValue> {
    let no_submodules = values.switch("no-git-submodules")?;
    let skip = values.switch("skip-checkout")?;
    let skip_fetch = values.switch("git-skip-fetch-existing-commits")?;
    let timeout = values.number("git-checkout-timeout")?;
    // Whether the agent speaks of these at all depends on what it would say.
    let toggles = [
        (
            "BUILDKITE_GIT_SUBMODULES",
            (!no_submodules).to_string(),
            no_submodules,
        ),
        ("BUILDKITE_SKIP_CHECKOUT", skip.to_string(), skip),
        (
            "BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS",
            skip_fetch.to_string(),
            skip_fetch,
        ),
        (
            "BUILDKITE_GIT_CHECKOUT_TIMEOUT",
            timeout.to_string(),
            timeout > 0,
        ),
    ];
    let toggles = toggles
        .into_iter()
        .map(|(name, value, spoken)| CheckoutVariable {
            name,
            value,
            spoken,
        });
    let texts = CHECKOUT.iter().map(|&(name, flag)| CheckoutVariable {
        name,
        value: values.text(flag),
        spoken: true,
    });
    Ok(texts.chain(toggles).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::raw::Raw;
    use super::super::values::Surroundings;
    use super::*;

    fn of(args: &[&str], environ: &[(&str, &str)]) -> AgentVariables {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let raw = Raw::read(&args, |_| None).unwrap();
        let around = Surroundings {
            home: Some("/home/u".into()),
            cwd: "/".into(),
            ..Surroundings::default()
        };
        let worked = Worked {
            mode: OverrideMode::FromJob,
            build_path: "/b".into(),
            shell: "/bin/sh -c".into(),
            no_plugins: false,
            grace: Grace {
                whole: 10,
                signal: 9,
            },
            cancel_signal: "SIGTERM".into(),
        };
        let facts = ProcessFacts {
            pid: 1,
            bin_folder: "/bin".into(),
            config_file: String::new(),
        };
        let environ = environ
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        variables(&Values::new(&raw, &around), &worked, &facts, environ).unwrap()
    }

    fn fixed(variables: &AgentVariables) -> BTreeMap<&str, &str> {
        let pairs = variables.fixed.iter();
        pairs.map(|(name, value)| (*name, value.as_str())).collect()
    }

    #[test]
    fn settings_of_the_agent_and_its_line_to_systemd_do_not_leak_into_jobs() {
        let variables = of(
            &[],
            &[
                ("BUILDKITE_AGENT_TOKEN", "secret"),
                ("BUILDKITE_AGENT_PRIORITY", "3"),
                ("BUILDKITE_AGENT_META_DATA", "old=1"),
                ("TRIREME_STATE_DIR", "/s"),
                ("NOTIFY_SOCKET", "/run/systemd/notify"),
                ("WATCHDOG_USEC", "60000000"),
                ("WATCHDOG_PID", "7"),
                ("BUILDKITE_NOT_A_FLAG", "kept"),
                ("PATH", "kept"),
            ],
        );
        let names: Vec<_> = variables.inherited.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["BUILDKITE_NOT_A_FLAG", "PATH"]);
    }

    #[test]
    fn the_unusual_is_said_and_the_usual_is_not() {
        let usual = of(&[], &[]);
        let unusual = of(&["--no-pty", "--artifact-upload-concurrency=3"], &[]);
        assert!(!fixed(&usual).contains_key("BUILDKITE_PTY"));
        assert_eq!(fixed(&unusual)["BUILDKITE_PTY"], "false");
        assert_eq!(
            fixed(&unusual)["BUILDKITE_ARTIFACT_UPLOAD_CONCURRENCY"],
            "3"
        );
        assert_eq!(
            fixed(&usual)[env::SOCKETS_PATH],
            "/home/u/.buildkite-agent/sockets"
        );
    }

    #[test]
    fn the_agent_speaks_about_a_toggle_only_when_it_is_set() {
        let spoken = |args| {
            let variables = of(args, &[]);
            let toggle = "BUILDKITE_GIT_SUBMODULES";
            let found = variables.checkout.into_iter().find(|v| v.name == toggle);
            found.map(|v| (v.value, v.spoken)).unwrap()
        };
        assert_eq!(spoken(&[]), ("true".to_owned(), false));
        assert_eq!(spoken(&["--no-git-submodules"]), ("false".to_owned(), true));
    }

    #[test]
    fn the_agents_own_environment_may_say_where_spans_go() {
        let of = |environ: &[(&str, &str)]| {
            of(&["--tracing-propagate-traceparent=false"], environ).tracing
        };
        let silent = of(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
        assert_eq!((silent.backend, silent.propagate), (None, Some(false)));
        assert_eq!(silent.service, "buildkite-agent");
        assert!(!silent.has_destination);
        assert!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).has_destination);
    }

    #[test]
    fn keys_for_signing_are_passed_on_when_there_are_any() {
        let name = "BUILDKITE_AGENT_JWKS_FILE";
        assert!(!fixed(&of(&[], &[])).contains_key(name));
        let with = of(&["--signing-jwks-file=~/keys"], &[]);
        assert_eq!(fixed(&with)[name], "/home/u/keys");
    }

    #[test]
    fn no_variable_is_given_twice() {
        let variables = of(&["--no-pty", "--profile=cpu"], &[]);
        assert_eq!(fixed(&variables).len(), variables.fixed.len());
    }
}
