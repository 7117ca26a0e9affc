//! What the flags and variables of `agent bootstrap` become, and which of them it insists on.

use std::time::Duration;

use super::*;

const REQUIRED: [&str; 8] = [
    "BUILDKITE_JOB_ID",
    "BUILDKITE_REPO",
    "BUILDKITE_COMMIT",
    "BUILDKITE_BRANCH",
    "BUILDKITE_AGENT_NAME",
    "BUILDKITE_ORGANIZATION_SLUG",
    "BUILDKITE_PIPELINE_SLUG",
    "BUILDKITE_PIPELINE_PROVIDER",
];

fn read(more: &[(&'static str, &str)]) -> Result<Settings, SettingsError> {
    let mut env: Environment = REQUIRED.iter().map(|name| (*name, "x")).collect();
    for (name, value) in more {
        env.set(name, *value);
    }
    Settings::read(&BTreeMap::new(), &env)
}

#[test]
fn whatever_required_is_missing_or_empty_is_named_with_its_flag() {
    for name in REQUIRED {
        let error = read(&[(name, "")]).expect_err("refused").to_string();
        assert!(error.contains(name), "{error}");
        assert!(
            error.contains(&format!("--{}", flags::flag_of(name))),
            "{error}"
        );
    }
}

#[test]
fn defaults_are_those_of_the_peer() {
    let settings = read(&[]).expect("read");
    assert_eq!(settings.checkout.flags.clone, ["-v"]);
    assert_eq!(settings.checkout.flags.fetch, ["-v", "--prune"]);
    assert_eq!(settings.checkout.attempts, 6);
    assert_eq!(settings.cancel_signal, Signal::TERM);
    assert_eq!(settings.grace.signal, Duration::from_secs(9));
    assert!(settings.pty && settings.command_eval && settings.checkout.submodules);
    assert_eq!(settings.phases, Phase::ORDER);
}

#[test]
fn a_flag_wins_over_its_variable() {
    let env: Environment = REQUIRED.iter().map(|name| (*name, "x")).collect();
    let given = BTreeMap::from([("BUILDKITE_BRANCH", "from-flag".to_owned())]);
    let settings = Settings::read(&given, &env).expect("read");
    assert_eq!(settings.checkout.branch, "from-flag");
}

#[test]
fn a_pull_request_is_a_number_and_neither_false_nor_empty() {
    for (value, wanted) in [("false", None), ("", None), ("12", Some("12"))] {
        let settings = read(&[("BUILDKITE_PULL_REQUEST", value)]).expect("read");
        assert_eq!(settings.checkout.pull_request.as_deref(), wanted);
    }
}

#[test]
fn values_that_make_no_sense_are_refused_with_their_text() {
    let cases = [
        ("BUILDKITE_PTY", "maybe"),
        ("BUILDKITE_CANCEL_SIGNAL", "SIGFOO"),
        ("BUILDKITE_BOOTSTRAP_PHASES", "sailing"),
        ("BUILDKITE_CHECKOUT_ATTEMPTS", "many"),
        ("BUILDKITE_GIT_MIRROR_CHECKOUT_MODE", "steal"),
        ("BUILDKITE_GIT_SPARSE_CHECKOUT_MODE", "pyramid"),
        ("BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS", "11"),
        ("BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS", "-11"),
    ];
    for (name, value) in cases {
        let error = read(&[(name, value)]).expect_err(value).to_string();
        assert!(error.contains(name) && error.contains(value), "{error}");
    }
    let error = read(&[("BUILDKITE_GIT_CLONE_FLAGS", "'x")]).expect_err("quote");
    assert!(error.to_string().contains("BUILDKITE_GIT_CLONE_FLAGS"));
}

#[test]
fn the_override_mode_is_one_of_three_names() {
    for mode in OverrideMode::ALL {
        let settings = read(&[("BUILDKITE_CHECKOUT_OVERRIDE_MODE", mode.name())]).expect("read");
        assert_eq!(settings.override_mode, mode);
    }
    let error = read(&[("BUILDKITE_CHECKOUT_OVERRIDE_MODE", "agent")]).expect_err("refused");
    assert!(error.to_string().contains("checkout-override-mode"));
}

#[test]
fn the_job_api_is_below_the_home_folder_unless_told_otherwise() {
    let sockets = |more: &[(&'static str, &str)]| read(more).expect("read").sockets;
    assert_eq!(sockets(&[]), Sockets::Nowhere);
    let home = ("HOME", "/home/u");
    let usual = "/home/u/.buildkite-agent/sockets".into();
    assert_eq!(sockets(&[home]), Sockets::In(usual));
    let named = [home, ("BUILDKITE_SOCKETS_PATH", "/s")];
    assert_eq!(sockets(&named), Sockets::In("/s".into()));
    let off = [home, ("BUILDKITE_AGENT_NO_JOB_API", "true")];
    assert_eq!(sockets(&off), Sockets::Unwanted);
}

#[test]
fn attempts_and_limits_below_one_mean_the_default() {
    for (asked, attempts, limit) in [
        ("3", 3, Some(Duration::from_secs(3))),
        ("0", 6, None),
        ("-1", 6, None),
    ] {
        let settings = read(&[
            ("BUILDKITE_CHECKOUT_ATTEMPTS", asked),
            ("BUILDKITE_GIT_CHECKOUT_TIMEOUT", asked),
        ]);
        let checkout = settings.expect("read").checkout;
        assert_eq!(
            (checkout.attempts, checkout.attempt_limit),
            (attempts, limit)
        );
    }
}

#[test]
fn a_flag_that_says_its_default_changes_nothing() {
    let mut env: Environment = REQUIRED.iter().map(|name| (*name, "x")).collect();
    env.set("HOME", "/home/u");
    let read = |given: &BTreeMap<&'static str, String>| {
        let mut settings = Settings::read(given, &env).expect("read");
        settings.given.clear();
        format!("{settings:?}")
    };
    let silent = read(&BTreeMap::new());
    for flag in flags::FLAGS {
        if !flag.default.is_empty() {
            let given = BTreeMap::from([(flag.variable, flag.default.to_owned())]);
            assert_eq!(read(&given), silent, "--{}", flag.name);
        }
    }
}

#[test]
fn what_changes_nothing_is_known() {
    let env = |pairs: &[(&'static str, &'static str)]| -> Environment {
        let required = REQUIRED.iter().map(|name| (*name, "x"));
        required.chain(pairs.iter().copied()).collect()
    };
    let settings = read(&[]).expect("read");
    assert_eq!(settings.idle(&env(&[])), []);
    let set = [
        ("BUILDKITE_GIT_REMOTE_MIRROR_URL", "/m"),
        ("BUILDKITE_TRACE_CONTEXT_ENCODING", "gob"),
        ("BUILDKITE_JOB_LOGS_OTLP", "false"),
    ];
    let idle = settings.idle(&env(&set));
    assert_eq!(
        idle,
        [("git-remote-mirror-url", "BUILDKITE_GIT_REMOTE_MIRROR_URL")]
    );
}

#[test]
fn either_way_to_ask_for_more_is_heard() {
    for (name, value, wanted) in [
        ("BUILDKITE_AGENT_DEBUG", "true", true),
        ("BUILDKITE_AGENT_LOG_LEVEL", "debug", true),
        ("BUILDKITE_AGENT_LOG_LEVEL", "info", false),
    ] {
        assert_eq!(
            read(&[(name, value)]).expect("read").debug,
            wanted,
            "{name}"
        );
    }
}
