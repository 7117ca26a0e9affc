//! What settings mean, and which of them are refused.

use std::path::Path;

use agent_runner::ExecutorOutput;
use agent_worker::PingMode;
use agent_worker::register::Priority;
use shared_protocol::protection::OverrideMode;

use super::*;

fn place() -> Place {
    Place {
        around: Surroundings {
            variables: [("WHERE".to_owned(), "/opt".to_owned())].into(),
            home: Some("/home/u".into()),
            cwd: "/here".into(),
        },
        environ: vec![],
        process: ProcessFacts {
            pid: 7,
            bin_folder: "/opt/bin".into(),
            config_file: String::new(),
        },
        executable: "/opt/bin/agent".into(),
        cpus: 4,
        default_endpoint: None,
        default_build_path: None,
        temporary: "/tmp".into(),
        has_bash: true,
        is_file: |path| path == Path::new("/here/boot"),
    }
}

fn config(args: &[&str]) -> Result<Config, ConfigError> {
    let mut all = vec!["--build-path=/b".to_owned()];
    all.extend(args.iter().map(|&arg| arg.to_owned()));
    resolve(&Raw::read(&all, |_| None).unwrap(), &place())
}

fn error(args: &[&str]) -> String {
    config(args).unwrap_err().to_string()
}

#[test]
fn defaults_are_those_of_the_peer() {
    let config = config(&[]).unwrap();
    assert_eq!(
        config.endpoint.as_str(),
        "https://agent-edge.buildkite.com/v3"
    );
    assert_eq!(config.workers.spawn, 1);
    assert_eq!(
        config.workers.features,
        ["streaming-pings", "control-plane-otlp-tracing"]
    );
    assert!(config.tags.wanted.explicit.is_empty() && config.workers.script_eval);
    assert_eq!(config.jobs.executor, ["/opt/bin/agent", "bootstrap"]);
    assert_eq!(config.jobs.cancel_grace, Duration::from_secs(10));
    assert_eq!(config.jobs.context_folder, Path::new("/tmp"));
    assert_eq!(config.jobs.output, ExecutorOutput::PipeWithTerminal);
}

#[test]
fn a_launchers_server_is_the_default_and_a_setting_beats_it() {
    let mut place = place();
    place.default_endpoint = Some("http://own/v3".into());
    let endpoint = |args: &[String]| {
        let raw = Raw::read(args, |_| None).unwrap();
        resolve(&raw, &place).unwrap().endpoint.to_string()
    };
    let build = "--build-path=/b".to_owned();
    assert_eq!(endpoint(std::slice::from_ref(&build)), "http://own/v3");
    let set = "--endpoint=http://set/v3/".to_owned();
    assert_eq!(endpoint(&[build, set]), "http://set/v3");
}

#[test]
fn the_queue_is_the_last_tag_and_given_once() {
    let tags = config(&["--tags=a=1,b=2", "--queue=slow"]).unwrap().tags;
    assert_eq!(tags.wanted.explicit, ["a=1", "b=2"]);
    assert_eq!(tags.queue.as_deref(), Some("slow"));
    assert!(error(&["--tags=queue=a", "--queue=b"]).contains("given twice"));
}

#[test]
fn workers_are_counted_plainly_or_by_cpu_but_not_both() {
    assert_eq!(config(&["--spawn=3"]).unwrap().workers.spawn, 3);
    assert_eq!(config(&["--spawn-per-cpu=2"]).unwrap().workers.spawn, 8);
    assert!(error(&["--spawn-per-cpu=2", "--spawn=2"]).contains("exclude"));
    assert!(error(&["--spawn=0"]).contains("--spawn"));
    assert!(error(&["--spawn=99999"]).contains("10000"));
    let many = error(&["--spawn-per-cpu=9223372036854775807"]);
    assert!(many.starts_with("flag --spawn-per-cpu: "), "{many}");
}

#[test]
fn no_command_eval_takes_plugins_and_checkout_settings_with_it() {
    let config = config(&["--no-command-eval"]).unwrap();
    assert!(!config.workers.script_eval);
    assert_eq!(config.jobs.variables.mode, OverrideMode::Strict);
    let features = config.workers.features;
    assert_eq!(
        features,
        [
            "streaming-pings",
            "control-plane-otlp-tracing",
            "no-plugins",
            "no-script-eval"
        ]
    );
}

#[test]
fn features_name_what_is_on_and_what_the_environment_changes() {
    let features = |args: &[&str], variables: &[&str]| {
        let mut place = place();
        let set = |name: &&str| ((*name).to_owned(), "x".to_owned());
        place.around.variables = variables.iter().map(set).collect();
        let mut all = vec!["--build-path=/b", "--ping-mode=poll-only"];
        all.extend(args);
        let raw = Raw::read(&all, |_| None).unwrap();
        let mut features = resolve(&raw, &place).unwrap().workers.features;
        features.retain(|name| name != "control-plane-otlp-tracing");
        features
    };
    for (args, variables, expected) in [
        (&[][..], &[][..], &[][..]),
        (&[], &["HTTP_PROXY"], &["env-http-proxy"]),
        (&[], &["http_proxy"], &["env-http-proxy"]),
        (&[], &["HTTPS_PROXY", "https_proxy"], &[]),
        (&[], &["GODEBUG"], &["env-godebug"]),
        (&["--metrics-datadog"], &[], &["datadog-metrics"]),
        (
            &["--tracing-propagate-traceparent"],
            &[],
            &["propagate-traceparent"],
        ),
        (&["--tracing-propagate-traceparent=false"], &[], &[]),
    ] {
        assert_eq!(
            features(args, variables),
            expected,
            "{args:?} {variables:?}"
        );
    }
}

#[test]
fn plugins_stay_on_without_command_eval_when_somebody_says_so() {
    let config = config(&["--no-command-eval", "--no-plugins=false"]).unwrap();
    assert!(!config.workers.features.contains(&"no-plugins".to_owned()));
}

#[test]
fn the_signal_grace_period_fits_into_the_whole_one() {
    let seconds = |args: &[&str]| {
        let variables = config(args).unwrap().jobs.variables.fixed;
        let name = "BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS";
        let found = variables.into_iter().find(|(known, _)| *known == name);
        found.unwrap().1
    };
    assert_eq!(seconds(&[]), "9");
    assert_eq!(seconds(&["--cancel-grace-period=20"]), "19");
    assert_eq!(seconds(&["--signal-grace-period-seconds=2"]), "2");
    assert!(error(&["--signal-grace-period-seconds=10"]).contains("no time"));
    assert!(error(&["--signal-grace-period-seconds=-11"]).contains("no time"));
}

#[test]
fn version_4_counts_the_time_of_the_command_and_the_time_after_it() {
    let grace = |args: &[&str]| {
        let config = config(args).unwrap();
        let name = "BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS";
        let mut fixed = config.jobs.variables.fixed.into_iter();
        let signal = fixed.find(|(known, _)| *known == name).unwrap().1;
        (config.jobs.cancel_grace.as_secs(), signal)
    };
    for (args, whole, signal) in [
        (&["--cancel-signal-timeout=20s"][..], 25, "20"),
        (&["--cancel-cleanup-timeout=1m"], 70, "10"),
        (&["--cancel-signal-timeout=1500ms"], 7, "2"),
        (
            &["--cancel-signal-timeout=20s", "--cancel-grace-period=10"],
            10,
            "9",
        ),
    ] {
        assert_eq!(grace(args), (whole, signal.to_owned()), "{args:?}");
    }
    assert!(error(&["--cancel-cleanup-timeout=0"]).contains("no time"));
    assert!(error(&["--cancel-signal-timeout=5"]).contains("time such as 10s"));
}

#[test]
fn a_bootstrap_script_is_split_into_words() {
    let executor = config(&["--bootstrap-script=~/boot one 'two words'"])
        .unwrap()
        .jobs
        .executor;
    assert_eq!(executor, ["/home/u/boot", "one", "two words"]);
}

#[test]
fn a_bootstrap_script_is_found_where_the_agent_was_started() {
    for (script, program) in [
        ("~/boot", "/home/u/boot"),
        ("$WHERE/boot", "/opt/boot"),
        ("${WHERE}/boot", "/opt/boot"),
        ("./scripts/boot", "/here/scripts/boot"),
        ("boot", "/here/boot"),
        ("other", "other"),
        ("/a/boot", "/a/boot"),
    ] {
        let flag = format!("--bootstrap-script={script} one");
        let executor = config(&[&flag]).unwrap().jobs.executor;
        assert_eq!(executor, [program, "one"], "{script}");
    }
    assert!(error(&["--bootstrap-script=it's"]).contains("not closed"));
}

#[test]
fn what_makes_no_sense_is_named_with_its_place() {
    for (arg, text) in [
        (
            "--ping-mode=sometimes",
            "flag --ping-mode: \"sometimes\" is none of",
        ),
        (
            "--endpoint=agent.example",
            "endpoint \"agent.example\" cannot be used",
        ),
        ("--cancel-signal=SIGSTOP", "flag --cancel-signal"),
        (
            "--git-mirror-checkout-mode=copy",
            "none of: reference, dissociate",
        ),
        ("--git-sparse-checkout-mode=x", "none of: cone, no-cone"),
        ("--git-commit-verification=x", "none of: strict, off"),
        ("--spawn-with-priority=up", "none of: static, ascending"),
        ("--verification-failure-behavior=x", "none of: block, warn"),
        ("--checkout-attempts=-1", "is not a whole number from 0 on"),
        (
            "--checkout-override-mode=maybe",
            "none of: strict, from-job, none",
        ),
        ("--hooks-shell='", "flag --hooks-shell"),
        ("--kubernetes-exec", "--kubernetes-exec is not supported"),
    ] {
        let error = error(&[arg]);
        assert!(error.contains(text), "{arg}: {error}");
    }
}

#[test]
fn a_refused_switch_that_is_off_is_no_reason_to_stop() {
    assert!(config(&["--kubernetes-exec=false", "--opentelemetry-metrics=0"]).is_ok());
    assert!(config(&["--log-format=text"]).is_ok());
}

#[test]
fn without_a_build_path_the_setting_is_named() {
    let error = resolve(&Raw::default(), &place()).unwrap_err().to_string();
    assert!(error.contains("--build-path"), "{error}");
    let mut managed = place();
    managed.default_build_path = Some("/state/builds".into());
    let config = resolve(&Raw::default(), &managed).unwrap();
    assert_eq!(config.jobs.build_path, Path::new("/state/builds"));
}

#[test]
fn later_workers_count_up_or_with_the_experiment_down() {
    for (more, wanted) in [
        (&["--spawn-with-priority"][..], Priority::Ascending),
        (
            &[
                "--spawn-with-priority",
                "--experiment=descending-spawn-priority",
            ],
            Priority::Descending,
        ),
        (&["--experiment=descending-spawn-priority"], Priority::Unset),
        (&["--spawn-with-priority=ascending"], Priority::Ascending),
        (&["--spawn-with-priority=descending"], Priority::Descending),
        (
            &["--spawn-with-priority=static", "--priority=7"],
            Priority::Fixed("7".into()),
        ),
    ] {
        assert_eq!(config(more).unwrap().workers.priority, wanted, "{more:?}");
    }
}

#[test]
fn an_experiment_lists_settings_in_env_files() {
    let listed = |args| config(args).unwrap().jobs.settings_in_env_file;
    assert!(!listed(&["--experiment=pty-raw"]));
    assert!(listed(&[
        "--experiment=pty-raw,propagate-agent-config-vars"
    ]));
}

#[test]
fn http_2_is_off_only_by_its_switch() {
    assert!(!config(&[]).unwrap().no_http2);
    assert!(config(&["--no-http2"]).unwrap().no_http2);
}

#[test]
fn streams_are_on_unless_http_2_or_the_mode_says_otherwise() {
    let mode = |args: &[&str]| config(args).map(|config| config.ping_mode);
    for (args, wanted) in [
        (&[][..], PingMode::Auto),
        (&["--ping-mode=poll-only"], PingMode::PollOnly),
        (&["--ping-mode=ping-only"], PingMode::PollOnly),
        (&["--ping-mode=stream-only"], PingMode::StreamOnly),
        (&["--no-http2"], PingMode::PollOnly),
    ] {
        assert_eq!(mode(args).unwrap(), wanted, "{args:?}");
    }
    assert!(mode(&["--ping-mode=sometimes"]).is_err());
    assert!(mode(&["--ping-mode=stream-only", "--no-http2"]).is_err());
}

#[test]
fn one_endpoint_is_told_who_streams() {
    let told = |args: &[&str]| {
        let features = config(args).unwrap().workers.features;
        features.contains(&"streaming-pings".to_owned())
    };
    let peers = "--endpoint=https://agent-edge.buildkite.com/v3";
    assert!(told(&[peers]));
    assert!(!told(&[peers, "--ping-mode=poll-only"]));
    assert!(!told(&["--endpoint=https://agent.buildkite.com/v3"]));
}
