//! Locks that jobs of one host share, through real agents and the subcommands that jobs call.

use std::path::Path;

use shared_supervise::Signal;

use crate::agent::{Agent, Bench, until};
use crate::endpoint::Endpoint;

/// A host whose agents share locks.
struct Host {
    endpoint: Endpoint,
    bench: Bench,
}

impl Host {
    async fn new() -> Self {
        Self {
            endpoint: Endpoint::start().await,
            bench: Bench::new(),
        }
    }

    /// Starts an agent and waits until it works; `so_far` agents worked before.
    async fn agent(&self, so_far: usize) -> Agent {
        let sockets = format!("--sockets-path={}", self.bench.path("s").display());
        let agent = self
            .bench
            .start(&self.endpoint, &["--experiment=agent-api", &sockets]);
        self.endpoint.wait("POST /v3/connect", so_far + 1).await;
        agent
    }

    /// Starts `lock …`, as a job would.
    fn lock(&self, args: &[&str]) -> Agent {
        let mut all = vec!["lock"];
        all.extend(args);
        let sockets = self.bench.path("s");
        let sockets = sockets.to_str().expect("text");
        self.bench.run(&all, &[("BUILDKITE_SOCKETS_PATH", sockets)])
    }

    /// Runs `lock …`; answers what it printed.
    async fn locked(&self, args: &[&str]) -> String {
        let ended = self.lock(args).ended().await;
        assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.log);
        ended.log.trim().to_owned()
    }

    /// Waits until this agent leads.
    async fn led_by(&self, agent: &Agent) {
        let link = self.bench.path("s/agent-leader");
        let wanted = format!("agent-{}", agent.id.pid);
        until("a leader", || {
            let leader = std::fs::read_link(&link).ok()?;
            (leader == Path::new(&wanted)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn an_agent_that_stops_leaves_its_locks_to_the_next() {
    let host = Host::new().await;
    let first = host.agent(0).await;
    host.led_by(&first).await;
    let second = host.agent(1).await;
    let token = host.locked(&["acquire", "boat"]).await;
    assert_eq!(host.locked(&["do", "once"]).await, "do");
    first.signal(Signal::Terminate);
    assert_eq!(first.ended().await.code, Some(0));
    host.led_by(&second).await;
    assert_eq!(host.locked(&["get", "boat"]).await, token);
    assert_eq!(host.locked(&["release", "boat", &token]).await, "");
    assert_eq!(host.locked(&["done", "once"]).await, "");
    assert_eq!(host.locked(&["do", "once"]).await, "done");
    second.signal(Signal::Terminate);
    assert_eq!(second.ended().await.code, Some(0));
    let left = std::fs::read_dir(host.bench.path("s")).expect("folder");
    let left: Vec<_> = left
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    assert!(!left.iter().any(|name| name == "agent-leader"), "{left:?}");
}

#[tokio::test]
async fn a_leader_that_dies_is_replaced_and_who_waited_goes_on() {
    let host = Host::new().await;
    let first = host.agent(0).await;
    host.led_by(&first).await;
    let second = host.agent(1).await;
    let lost = host.locked(&["acquire", "boat"]).await;
    let waiter = host.lock(&["acquire", "--lock-wait-timeout=1m", "boat"]);
    first.signal(Signal::Kill);
    host.led_by(&second).await;
    let ended = waiter.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.starts_with("acquired(pid="), "{}", ended.log);
    let late = host.lock(&["release", "boat", &lost]).ended().await;
    assert_eq!(late.code, Some(1), "{}", late.log);
    // What the dead one left goes with the next agent that starts.
    let third = host.agent(2).await;
    let dead = format!("s/agent-{}", first.id.pid);
    assert!(!host.bench.path(&dead).exists());
    drop((second, third));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_lock_whose_token_cannot_be_printed_is_free_again() {
    let host = Host::new().await;
    let agent = host.agent(0).await;
    host.led_by(&agent).await;
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_agent"))
        .args(["lock", "acquire", "boat"])
        .env("BUILDKITE_SOCKETS_PATH", host.bench.path("s"))
        .stdout(full.expect("/dev/full"))
        .status();
    assert_eq!(status.expect("start").code(), Some(1));
    assert_eq!(host.locked(&["get", "boat"]).await, "");
}

#[tokio::test]
async fn without_the_experiment_there_are_no_locks() {
    let host = Host::new().await;
    let sockets = format!("--sockets-path={}", host.bench.path("s").display());
    let _agent = host.bench.start(&host.endpoint, &[&sockets]);
    host.endpoint.wait("POST /v3/connect", 1).await;
    assert!(!host.bench.path("s").exists());
    let ended = host.lock(&["get", "boat"]).ended().await;
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.log.contains("--experiment agent-api"),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn an_agent_that_cannot_offer_locks_does_not_start() {
    let host = Host::new().await;
    let long = format!(
        "--sockets-path={}",
        host.bench.path(&"s".repeat(100)).display()
    );
    let args = ["--experiment=agent-api", long.as_str()];
    let ended = host.bench.start(&host.endpoint, &args).ended().await;
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.log.contains("shorter --sockets-path"),
        "{}",
        ended.log
    );
    assert!(host.endpoint.asked("POST /v3/register").is_empty());
}

#[tokio::test]
async fn wrong_calls_say_what_is_wrong() {
    let host = Host::new().await;
    for (args, text) in [
        (&["get"][..], "lock get KEY"),
        (&["acquire", "a", "b"], "lock acquire KEY"),
        (&["release", "a"], "lock release KEY TOKEN"),
        (
            &["get", "--lock-scope=fleet", "a"],
            "--lock-scope (BUILDKITE_LOCK_SCOPE) is \"fleet\"",
        ),
        (
            &["do", "--lock-wait-timeout=soon", "a"],
            "--lock-wait-timeout",
        ),
        (&["frob", "a"], "unknown command \"lock frob\""),
        (&["get", "--frob", "a"], "unknown flag --frob"),
    ] {
        let ended = host.lock(args).ended().await;
        assert_eq!(ended.code, Some(1), "{args:?}");
        assert!(
            ended.log.starts_with("buildkite-agent: fatal: "),
            "{}",
            ended.log
        );
        assert!(ended.log.contains(text), "{args:?}: {}", ended.log);
    }
}
