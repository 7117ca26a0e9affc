//! The agent's own log: its forms, its levels, and what it says of requests.

use serde_json::{Value, json};

use crate::agent::Bench;
use crate::endpoint::{Endpoint, disconnect, offer};

/// The log of an agent that runs one job and is sent away.
async fn log(args: &[&str]) -> String {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    bench.executor("true");
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({"PASSWORD": "job-secret"}));
    let ended = bench.start(&endpoint, args).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    ended.log
}

#[tokio::test]
async fn a_log_of_json_is_an_object_a_line_with_texts_only() {
    let log = log(&["--log-format=json"]).await;
    assert!(log.lines().count() > 3, "{log}");
    for line in log.lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let object = object.as_object().unwrap();
        assert!(object.values().all(Value::is_string), "{line}");
        let keys: Vec<_> = object.keys().take(3).collect();
        assert_eq!(keys, ["ts", "level", "msg"], "{line}");
    }
    assert!(log.contains(r#""msg":"agent starts""#), "{log}");
}

#[tokio::test]
async fn the_level_decides_what_is_logged() {
    for (args, told) in [
        (&["--log-level=debug"][..], true),
        (&["--log-level=notice"], true),
        (&["--log-level=warn"], false),
        (&["--log-level=error"], false),
        (&["--log-level=error", "--debug"], true),
    ] {
        let log = log(args).await;
        assert_eq!(log.contains("INFO  agent starts"), told, "{args:?}: {log}");
    }
}

#[tokio::test]
async fn requests_are_logged_on_demand_and_never_with_their_secrets() {
    let quiet = log(&["--debug"]).await;
    assert!(!quiet.contains("/v3/jobs/j1/accept"), "{quiet}");
    let debug = log(&["--debug-http"]).await;
    assert!(debug.contains("request: PUT http://"), "{debug}");
    assert!(
        debug.contains("/v3/jobs/j1/accept agent=worker status=200"),
        "{debug}"
    );
    assert!(!debug.contains("headers"), "{debug}");
    let trace = log(&["--trace-http"]).await;
    assert!(trace.contains("answer begins over HTTP/"), "{trace}");
    assert!(trace.contains("content-type: "), "{trace}");
    for log in [debug, trace] {
        for secret in [
            "registration-token",
            "access-token",
            "token-of-j1",
            "job-secret",
        ] {
            assert!(!log.contains(secret), "{secret}: {log}");
        }
    }
}

#[tokio::test]
async fn a_setting_without_effect_and_one_with_an_old_name_are_named_once() {
    let log = log(&[
        "--meta-data=a=1",
        "--kubernetes-log-collection-grace-period=5s",
    ])
    .await;
    let old = "meta-data is called tags by now; rename it (flag --meta-data)";
    assert_eq!(log.matches(old).count(), 1, "{log}");
    let idle = "kubernetes-log-collection-grace-period has no effect in this version";
    assert_eq!(log.matches(idle).count(), 1, "{log}");
}
