//! `stop`, `pause` and `resume`, which speak to the endpoint.

use serde_json::json;

use crate::agent::{Bench, Ended};
use crate::endpoint::{Endpoint, ok, page, status};

async fn run(bench: &Bench, endpoint: &Endpoint, args: &[&str], env: &[(&str, &str)]) -> Ended {
    let mut all = vec![
        ("BUILDKITE_AGENT_ACCESS_TOKEN", "job-token"),
        ("BUILDKITE_AGENT_ENDPOINT", endpoint.url.as_str()),
    ];
    all.extend(env);
    bench.run(args, &all).ended().await
}

#[tokio::test]
async fn each_says_what_it_is_told_and_nothing_else() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let note = [("BUILDKITE_AGENT_PAUSE_NOTE", "a < b")];
    for (args, env, route, body) in [
        (&["stop"][..], &[][..], "POST /v3/stop", "{}\n"),
        (
            &["stop", "--force"],
            &[],
            "POST /v3/stop",
            "{\"force\":true}\n",
        ),
        (&["pause"], &[], "POST /v3/pause", "{}\n"),
        (
            &["pause", "--timeout-in-minutes=0"],
            &[],
            "POST /v3/pause",
            "{}\n",
        ),
        (
            &["pause"],
            &note,
            "POST /v3/pause",
            "{\"note\":\"a \\u003c b\"}\n",
        ),
        (
            &["pause", "--note", "disk swap", "--timeout-in-minutes", "15"],
            &note,
            "POST /v3/pause",
            "{\"note\":\"disk swap\",\"timeout_in_minutes\":15}\n",
        ),
        (&["resume"], &[], "POST /v3/resume", ""),
        (&["resume", "--no-http2"], &[], "POST /v3/resume", ""),
    ] {
        let before = endpoint.asked(route).len();
        let ended = run(&bench, &endpoint, args, env).await;
        assert_eq!((ended.code, ended.log.as_str()), (Some(0), ""), "{args:?}");
        let asked = &endpoint.asked(route)[before..];
        assert_eq!(asked.len(), 1, "{args:?}");
        assert_eq!(asked[0].token, "Token job-token");
        assert_eq!(asked[0].body, body.as_bytes(), "{args:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_final_and_trouble_is_tried_again() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("POST /v3/pause", [status(422)]);
    let ended = run(&bench, &endpoint, &["pause"], &[]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.log.contains("fatal: POST "), "{}", ended.log);
    assert!(
        ended.log.contains("answered 422: scripted"),
        "{}",
        ended.log
    );
    assert_eq!(endpoint.asked("POST /v3/pause").len(), 1);
    endpoint.on("POST /v3/stop", [status(503), page(), ok(&json!({}))]);
    let ended = run(&bench, &endpoint, &["stop"], &[]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("POST /v3/stop").len(), 3);
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_said_before_anything_is_sent() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let no_token = [("BUILDKITE_AGENT_ACCESS_TOKEN", "")];
    for (args, env, text) in [
        (
            &["resume"][..],
            &no_token[..],
            "missing --agent-access-token",
        ),
        (
            &["pause", "--timeout-in-minutes=soon"],
            &[],
            "not a whole number",
        ),
        (&["stop", "--force=perhaps"], &[], "not true or false"),
        (&["stop", "--endpoint=nowhere"], &[], "endpoint \"nowhere\""),
        (&["resume", "--note=x"], &[], "unknown flag --note"),
    ] {
        let ended = run(&bench, &endpoint, args, env).await;
        assert_eq!(ended.code, Some(1), "{args:?}: {}", ended.log);
        assert!(ended.log.contains(text), "{args:?}: {}", ended.log);
        assert_eq!(ended.log.lines().count(), 1, "{args:?}: {}", ended.log);
    }
    assert!(endpoint.routes().is_empty());
}

#[tokio::test]
async fn help_names_their_flags() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let ended = run(&bench, &endpoint, &["stop", "--help"], &[]).await;
    assert_eq!(ended.code, Some(0));
    assert!(
        ended
            .log
            .starts_with("Usage: buildkite-agent stop [flags]\n"),
        "{}",
        ended.log
    );
    for flag in ["--force\n", "--endpoint VALUE [BUILDKITE_AGENT_ENDPOINT]"] {
        assert!(ended.log.contains(flag), "{}", ended.log);
    }
}

#[tokio::test]
async fn requests_are_told_to_who_asks_and_their_tokens_are_not() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    for (flag, headers) in [("--debug-http", false), ("--trace-http", true)] {
        let ended = run(&bench, &endpoint, &["pause", "--note=why", flag], &[]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        let log = &ended.log;
        assert!(
            log.contains("request: POST") && log.contains("/v3/pause"),
            "{log}"
        );
        assert_eq!(log.contains("content-type"), headers, "{log}");
        assert!(!log.contains("job-token") && !log.contains("why"), "{log}");
    }
}
