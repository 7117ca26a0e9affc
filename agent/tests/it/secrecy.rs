//! What other users of the host, and jobs, can see of an agent's token.

use serde_json::json;

use crate::agent::{Agent, Bench};
use crate::endpoint::{Endpoint, disconnect, offer};

const TOKEN: &str = "token-that-nobody-may-see";

/// Starts an agent without any token but the one that is given here.
fn start(bench: &Bench, endpoint: &Endpoint, token: &[&str], env: &[(&str, &str)]) -> Agent {
    let endpoint = format!("--endpoint={}", endpoint.url);
    let executor = format!("--bootstrap-script={}", bench.path("executor").display());
    let builds = format!("--build-path={}", bench.path("builds").display());
    let args = ["start", "--name=a b", &endpoint, &executor, &builds];
    bench.run(&[&args[..], token].concat(), env)
}

fn proc(agent: &Agent, file: &str) -> String {
    let bytes = std::fs::read(format!("/proc/{}/{file}", agent.id.pid)).unwrap();
    String::from_utf8_lossy(&bytes).replace('\0', "\n")
}

#[tokio::test]
async fn a_token_in_sight_is_out_of_it_before_the_agent_registers() {
    let equals = format!("--token={TOKEN}");
    let single = format!("-token={TOKEN}");
    let variable = ("BUILDKITE_AGENT_TOKEN", TOKEN);
    for (args, env) in [
        (&["--token", TOKEN][..], &[][..]),
        (&[&equals], &[]),
        (&[&single], &[("BUILDKITE_AGENT_TOKEN", "another-token")]),
        (&[], &[variable]),
    ] {
        let (endpoint, bench) = (Endpoint::start().await, Bench::new());
        let agent = start(&bench, &endpoint, args, env);
        let registered = endpoint.wait("POST /v3/register", 1).await.remove(0);
        assert_eq!(registered.token, format!("Token {TOKEN}"), "{args:?}");
        assert_eq!(registered.json()["pid"], agent.id.pid);
        assert_eq!(registered.json()["name"], "a b");
        assert!(agent.id.is_same_alive(), "it is the process it was");
        let (arguments, environment) = (proc(&agent, "cmdline"), proc(&agent, "environ"));
        assert!(arguments.contains("\nstart\n--name=a b\n"), "{arguments}");
        for seen in [arguments, environment] {
            assert!(!seen.contains(TOKEN), "{args:?}: {seen}");
            assert!(!seen.contains("another-token"), "{args:?}: {seen}");
        }
        endpoint.on("GET /v3/ping", [disconnect()]);
        let ended = agent.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(!ended.log.contains("can be seen"), "{}", ended.log);
    }
}

#[tokio::test]
async fn a_job_gets_neither_the_token_nor_a_descriptor_that_held_it() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let seen = bench.path("seen");
    // The descriptor that the agent was given, and all that the job has.
    let look = "agent=/proc/$BUILDKITE_AGENT_PID
        number=$(tr '\\0' '\\n' < $agent/cmdline | sed -n 's,--token=fd://,,p')
        echo held $(readlink $agent/fd/$number)
        for fd in /proc/$$/fd/*; do readlink $fd; done";
    let seen_by = seen.display();
    bench.executor(&format!(
        "{{ env; {look}; }} > {seen_by}.new\nmv {seen_by}.new {seen_by}"
    ));
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({}));
    let env = [("BUILDKITE_AGENT_TOKEN", TOKEN), ("KEPT", "yes")];
    let agent = start(&bench, &endpoint, &["--no-pty"], &env);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.contains("KEPT=yes"), "{seen}");
    assert!(
        !seen.contains(TOKEN) && !seen.contains("AGENT_TOKEN"),
        "{seen}"
    );
    let held = seen.lines().find_map(|line| line.strip_prefix("held "));
    let held = held.expect("the agent holds the pipe that its token came through");
    assert!(held.starts_with("pipe:"), "{seen}");
    assert!(!seen.lines().any(|line| line == held), "{seen}");
}

#[tokio::test]
async fn a_token_too_long_to_be_hidden_is_used_and_the_log_says_how_to_hide_it() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [disconnect()]);
    let token = "t".repeat(5000);
    let ended = start(&bench, &endpoint, &["--token", &token], &[])
        .ended()
        .await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("POST /v3/register")[0].token.len(), 5006);
    assert!(
        ended.log.contains("set --token=file://PATH"),
        "{}",
        ended.log
    );
}
