//! An agent without a token: it is let in, waits, takes a new identity, or says that it cannot.

use std::fs;

use serde_json::{Value, json};

use crate::agent::{Agent, Bench, until};
use crate::endpoint::{Endpoint, Reply, disconnect, ok, status};

const ENROLL: &str = "POST /v3/enroll";
const REGISTER: &str = "POST /v3/register";

fn is_in() -> Reply {
    ok(&json!({"ask_again": 5}))
}

/// Starts an agent that has an identity file and no token.
fn start(bench: &Bench, endpoint: &Endpoint) -> Agent {
    bench.executor("exit 0");
    endpoint.on("GET /v3/ping", [disconnect()]);
    let path = |name: &str, file: &str| format!("--{name}={}", bench.path(file).display());
    let args = [
        "start".to_owned(),
        format!("--endpoint={}", endpoint.url),
        path("bootstrap-script", "executor"),
        path("build-path", "builds"),
        path("identity-file", "host/identity"),
    ];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    bench.run(&args, &[])
}

fn identity(bench: &Bench) -> String {
    fs::read_to_string(bench.path("host/identity")).unwrap()
}

fn asked(endpoint: &Endpoint) -> Vec<(String, Value)> {
    let asked = endpoint.asked(ENROLL).into_iter();
    asked
        .map(|asked| (asked.token.clone(), asked.json()))
        .collect()
}

#[tokio::test]
async fn a_host_that_is_let_in_registers_with_its_own_secret_and_keeps_it() {
    let (bench, endpoint) = (Bench::new(), Endpoint::start().await);
    endpoint.on(ENROLL, [is_in()]);
    for _ in 0..2 {
        let ended = start(&bench, &endpoint).ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        let secret = identity(&bench);
        assert!(!ended.log.contains("trireme_host_"), "{}", ended.log);
        let token = endpoint.asked(REGISTER).pop().unwrap().token;
        let word = token.strip_prefix("Token ").unwrap();
        assert!(
            word.starts_with("trireme_host_") && secret.contains(word),
            "{token}"
        );
    }
    let asked = asked(&endpoint);
    assert_eq!(asked.len(), 2);
    let (first, second) = (&asked[0], &asked[1]);
    assert_eq!(first.0, second.0, "the same host both times");
    assert_eq!(first.1["id"], second.1["id"]);
    assert_eq!(first.1["boot"], second.1["boot"]);
    let body = &asked[0].1;
    assert!(
        body["free_bytes"].as_u64() > Some(0) && body["boot"].as_str() > Some("/"),
        "{body}"
    );
    assert!(
        body["location"].as_str().unwrap().ends_with("/builds"),
        "{body}"
    );
}

#[tokio::test]
async fn a_key_is_sent_and_scrubbed_after_it_was_of_use() {
    let (bench, endpoint) = (Bench::new(), Endpoint::start().await);
    let file = bench.path("host/autoregister.properties");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let text = "agent.auto.register.key=k1\nagent.auto.register.resources=docker\nmine=1\n";
    fs::write(&file, text).unwrap();
    endpoint.on(ENROLL, [is_in()]);
    let ended = start(&bench, &endpoint).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let body = &asked(&endpoint)[0].1;
    assert_eq!(
        (&body["key"], &body["resources"]),
        (&json!("k1"), &json!(["docker"]))
    );
    let left = fs::read_to_string(&file).unwrap();
    assert!(!left.contains("k1") && left.ends_with("mine=1\n"), "{left}");
}

#[tokio::test]
async fn an_identity_that_is_anothers_is_put_aside_for_a_new_one() {
    for refusal in [401, 409] {
        let (bench, endpoint) = (Bench::new(), Endpoint::start().await);
        endpoint.on(ENROLL, [status(refusal), is_in()]);
        let ended = start(&bench, &endpoint).ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        let asked = asked(&endpoint);
        assert_ne!(asked[0].1["id"], asked[1].1["id"], "{refusal}");
        assert_ne!(asked[0].0, asked[1].0, "{refusal}");
        assert!(bench.path("host/identity.lost").exists(), "{refusal}");
    }
}

#[tokio::test]
async fn an_endpoint_that_refuses_every_identity_costs_one_and_no_flood() {
    let (bench, endpoint) = (Bench::new(), Endpoint::start().await);
    endpoint.on(ENROLL, [status(401)]);
    let agent = start(&bench, &endpoint);
    endpoint.wait(ENROLL, 2).await;
    let first = fs::read_to_string(bench.path("host/identity.lost")).unwrap();
    until("the agent says that it waits", || {
        agent.log().contains("asking again").then_some(())
    })
    .await;
    agent.signal(shared_supervise::Signal::Terminate);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let asked = asked(&endpoint);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(
        first.contains(asked[0].1["id"].as_str().unwrap()),
        "the first identity is kept"
    );
}

#[tokio::test]
async fn a_host_that_waits_says_so_and_can_be_stopped() {
    let (bench, endpoint) = (Bench::new(), Endpoint::start().await);
    let waiting = json!({"waiting": "approval", "ask_again": 3600});
    endpoint.on(ENROLL, [ok(&waiting)]);
    let agent = start(&bench, &endpoint);
    endpoint.wait(ENROLL, 1).await;
    agent.signal(shared_supervise::Signal::Terminate);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(endpoint.asked(REGISTER).is_empty());
}

#[tokio::test]
async fn an_endpoint_without_enrollment_is_told_apart_from_one_that_is_down() {
    let (bench, endpoint) = (Bench::new(), Endpoint::start().await);
    endpoint.on(ENROLL, [status(404)]);
    let ended = start(&bench, &endpoint).ended().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.log.contains("set one with --token"), "{}", ended.log);
}
