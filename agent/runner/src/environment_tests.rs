//! What a job finds in its environment.

use proptest::prelude::*;

use super::*;

fn vars(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn environment(
    job: &[(&str, &str)],
    agent: &AgentVariables,
    headers: &[(&str, &str)],
) -> BTreeMap<String, String> {
    let facts = JobFacts {
        endpoint: "http://e/v3",
        token: &Secret::new("job-token"),
        request_headers: &vars(headers),
        env_file: Path::new("/t/env"),
        env_json_file: Path::new("/t/json"),
        timeout_file: Path::new("/t/timeout"),
        log_file: None,
        traceparent: "",
        tracestate: "",
        step: &serde_json::Value::Null,
    };
    executor_environment(&vars(job), agent, &facts)
        .into_iter()
        .map(|(name, value)| (name.into_string().unwrap(), value.into_string().unwrap()))
        .collect()
}

const NAMES: [&str; 3] = [
    "BUILDKITE_GIT_CLONE_FLAGS",
    "BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS",
    "BUILDKITE_GIT_SUBMODULES",
];

fn checkout(mode: OverrideMode) -> AgentVariables {
    let variable = |name, value: &str, spoken| CheckoutVariable {
        name,
        value: value.to_owned(),
        spoken,
    };
    AgentVariables {
        mode,
        checkout: vec![
            variable(NAMES[0], "-v", true),
            variable(NAMES[1], "", true),
            variable(NAMES[2], "false", false),
        ],
        ..AgentVariables::default()
    }
}

#[test]
fn the_agent_overrules_the_job_and_says_which_names() {
    let agent = AgentVariables {
        fixed: vec![("BUILDKITE_BIN_PATH", "/bin".into()), ("QUIET", "1".into())],
        ..AgentVariables::default()
    };
    let env = environment(
        &[
            ("BUILDKITE_BIN_PATH", "/evil"),
            ("BUILDKITE_AGENT_ENDPOINT", "http://evil"),
            ("BUILDKITE_AGENT_ACCESS_TOKEN", "evil"),
            ("OWN", "x"),
        ],
        &agent,
        &[],
    );
    assert_eq!(env["BUILDKITE_BIN_PATH"], "/bin");
    assert_eq!(env["BUILDKITE_AGENT_ENDPOINT"], "http://e/v3");
    assert_eq!(env["BUILDKITE_AGENT_ACCESS_TOKEN"], "job-token");
    assert_eq!(env["OWN"], "x");
    assert_eq!(
        env["BUILDKITE_IGNORED_ENV"],
        "BUILDKITE_AGENT_ACCESS_TOKEN,BUILDKITE_AGENT_ENDPOINT,BUILDKITE_BIN_PATH"
    );
}

#[test]
fn the_override_mode_decides_who_has_the_last_word() {
    use OverrideMode::{FromJob, None, Strict};
    // Mode, what the job says to all three names, then what the executor sees.
    for (mode, job, expected) in [
        (Strict, Some("j"), ["-v", "", "false"]),
        (Strict, Option::None, ["-v", "", "false"]),
        (FromJob, Some("j"), ["-v", "j", "j"]),
        (FromJob, Option::None, ["-v", "", "unset"]),
        (None, Some("j"), ["j", "j", "j"]),
        (None, Option::None, ["-v", "", "unset"]),
    ] {
        let wishes: Vec<_> = job
            .iter()
            .flat_map(|j| NAMES.map(|name| (name, *j)))
            .collect();
        let env = environment(&wishes, &checkout(mode), &[]);
        let seen = NAMES.map(|name| env.get(name).map_or("unset", String::as_str));
        assert_eq!(seen, expected, "{mode:?} with {job:?}");
    }
}

#[test]
fn a_silent_agent_ignores_nothing() {
    let env = environment(&[("A", "1")], &AgentVariables::default(), &[]);
    assert!(!env.contains_key("BUILDKITE_IGNORED_ENV"));
    assert_eq!(env["BUILDKITE_GIT_REMOTE_MIRROR_URL"], "");
}

#[test]
fn the_agents_own_environment_lies_below_the_jobs() {
    let agent = AgentVariables {
        inherited: vec![("PATH".into(), "/p".into()), ("A".into(), "agent".into())],
        ..AgentVariables::default()
    };
    let env = environment(&[("A", "job")], &agent, &[]);
    assert_eq!((env["PATH"].as_str(), env["A"].as_str()), ("/p", "job"));
}

#[test]
fn request_headers_become_variables() {
    let env = environment(
        &[],
        &AgentVariables::default(),
        &[("Buildkite-Multi-Word", "a b")],
    );
    assert_eq!(env["BUILDKITE_REQUEST_HEADER_BUILDKITE_MULTI_WORD"], "a b");
}

#[test]
fn the_registration_token_reaches_neither_files_nor_process() {
    let job = [("BUILDKITE_AGENT_TOKEN", "secret")];
    assert!(!file_variables(&vars(&job)).contains_key("BUILDKITE_AGENT_TOKEN"));
    let env = environment(&job, &AgentVariables::default(), &[]);
    assert!(!env.contains_key("BUILDKITE_AGENT_TOKEN"));
}

#[test]
fn names_that_no_environment_can_hold_are_left_out() {
    let env = environment(
        &[("", "x"), ("A=B", "x"), ("C\0", "x"), ("D", "kept")],
        &AgentVariables::default(),
        &[],
    );
    assert_eq!(env["D"], "kept");
    assert!(
        ["", "A=B", "C\0"]
            .iter()
            .all(|name| !env.contains_key(*name))
    );
}

#[test]
fn a_long_message_is_cut_to_65517_bytes_with_a_note() {
    let env = environment(
        &[("BUILDKITE_MESSAGE", &"m".repeat(70_000))],
        &AgentVariables::default(),
        &[],
    );
    let message = &env["BUILDKITE_MESSAGE"];
    assert_eq!(message.len(), 65_517);
    assert!(message.ends_with("m[value truncated 70000 -> 65517 bytes]"));
}

proptest! {
    #[test]
    fn a_message_of_any_characters_fits_and_keeps_its_beginning(
        unit in "[a-zä€😀]{1,7}", times in 1_usize..40_000,
    ) {
        let whole = unit.repeat(times);
        let mut cut = whole.clone();
        cut_message(&mut cut);
        prop_assert!(cut.len() <= 65_517);
        if whole.len() <= 65_517 {
            prop_assert_eq!(cut, whole);
        } else {
            let (kept, note) = cut.split_once('[').expect("a note");
            prop_assert!(whole.starts_with(kept));
            let suffix = format!("-> {} bytes]", cut.len());
            prop_assert!(note.ends_with(&suffix));
        }
    }
}

fn of_facts(facts: &JobFacts<'_>, agent: &AgentVariables) -> BTreeMap<OsString, OsString> {
    executor_environment(&vars(&[]), agent, facts)
        .into_iter()
        .collect()
}

fn facts<'a>(
    token: &'a Secret,
    headers: &'a BTreeMap<String, String>,
    step: &'a serde_json::Value,
) -> JobFacts<'a> {
    JobFacts {
        endpoint: "http://e/v3",
        token,
        request_headers: headers,
        env_file: Path::new("/t/env"),
        env_json_file: Path::new("/t/json"),
        timeout_file: Path::new("/t/timeout"),
        log_file: None,
        traceparent: "00-a-b-01",
        tracestate: "",
        step,
    }
}

#[test]
fn a_step_tells_its_job_of_cache_and_secrets() {
    let (token, headers) = (Secret::new("t"), BTreeMap::new());
    let agent = AgentVariables::default();
    let cache = OsString::from("BUILDKITE_AGENT_CACHE_PATHS");
    for (json, paths) in [
        (
            r#"{"cache": {"paths": ["a", "b"], "name": "n"}}"#,
            Some("a,b"),
        ),
        (r#"{"cache": ["a", "b"]}"#, Some("a,b")),
        (r#"{"cache": "a"}"#, Some("a")),
        (r#"{"cache": {"paths": []}}"#, None),
        (r#"{"cache": false}"#, None),
        ("null", None),
    ] {
        let step = serde_json::from_str(json).unwrap();
        let env = of_facts(&facts(&token, &headers, &step), &agent);
        assert_eq!(
            env.get(&cache),
            paths.map(OsString::from).as_ref(),
            "{json}"
        );
    }
    let secrets = OsString::from("BUILDKITE_SECRETS_CONFIG");
    let step = serde_json::json!({"secrets": [{"key": "k"}]});
    let env = of_facts(&facts(&token, &headers, &step), &agent);
    assert_eq!(env[&secrets], r#"[{"key":"k"}]"#);
    let step = serde_json::json!({"secrets": []});
    let env = of_facts(&facts(&token, &headers, &step), &agent);
    assert!(!env.contains_key(&secrets));
}

#[test]
fn a_builds_trace_is_for_jobs_that_are_traced() {
    let (token, headers) = (Secret::new("t"), BTreeMap::new());
    let step = serde_json::Value::Null;
    let name = OsString::from("BUILDKITE_TRACING_TRACEPARENT");
    let facts = facts(&token, &headers, &step);
    assert!(!of_facts(&facts, &AgentVariables::default()).contains_key(&name));
    let traced = AgentVariables {
        tracing: JobTracing {
            backend: Some("opentelemetry".into()),
            propagate: Some(true),
            service: "shipyard".into(),
            ..JobTracing::default()
        },
        ..AgentVariables::default()
    };
    let env = of_facts(&facts, &traced);
    assert_eq!(env[&name], "00-a-b-01");
    for (name, value) in [
        ("BACKEND", "opentelemetry"),
        ("SERVICE_NAME", "shipyard"),
        ("PROPAGATE_TRACEPARENT", "true"),
    ] {
        let name = OsString::from(format!("BUILDKITE_TRACING_{name}"));
        assert_eq!(env[&name], value, "{name:?}");
    }
}

#[test]
fn a_job_may_ask_for_the_check_of_plugins_and_not_refuse_it() {
    let agent = |value: &str| AgentVariables {
        fixed: vec![(PLUGIN_VALIDATION, value.to_owned())],
        ..AgentVariables::default()
    };
    for (setting, asked, value, ignored) in [
        ("false", "on", "true", false),
        ("false", "yes", "false", true),
        ("true", "false", "true", true),
    ] {
        let env = environment(&[(PLUGIN_VALIDATION, asked)], &agent(setting), &[]);
        assert_eq!(env[PLUGIN_VALIDATION], value, "{setting} {asked}");
        assert_eq!(
            env.contains_key("BUILDKITE_IGNORED_ENV"),
            ignored,
            "{setting} {asked}"
        );
    }
}
