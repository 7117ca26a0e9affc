//! Hooks of the agent's own life.

use serde_json::json;
use shared_supervise::Signal;

use crate::agent::{Bench, appears};
use crate::endpoint::{Endpoint, disconnect, ok};

/// A bench and an endpoint that ends a worker at its first ping.
async fn bench() -> (Endpoint, Bench) {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [disconnect()]);
    (endpoint, bench)
}

/// Writes a hook and names its folder as a flag would.
fn hook(bench: &Bench, folder: &str, name: &str, script: &str) -> String {
    let folder = bench.path(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    std::fs::write(&file, script).unwrap();
    folder.display().to_string()
}

#[tokio::test]
async fn startup_comes_between_registration_and_connection_and_shutdown_after_all() {
    let (endpoint, bench) = bench().await;
    let registered = |id: &str| {
        let name = format!("name of {id}");
        ok(&json!({"id": id, "name": name, "access_token": "t", "ping_interval": 1}))
    };
    endpoint.on("POST /v3/register", [registered("a"), registered("b")]);
    let said = "echo $BUILDKITE_AGENT_IDS / $BUILDKITE_AGENT_NAMES / ${BUILDKITE_AGENT_TOKEN-none}";
    let hooks = hook(&bench, "hooks", "agent-startup", said);
    hook(
        &bench,
        "hooks",
        "agent-shutdown",
        "echo bye\nprintf unended",
    );
    let hooks = format!("--hooks-path={hooks}");
    let env = [("BUILDKITE_AGENT_TOKEN", "hidden-from-hooks")];
    let args = ["--spawn=2", hooks.as_str()];
    let ended = bench.start_with(&endpoint, &args, &env).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    // One worker may ping before the other has connected.
    let (register, connect) = ("POST /v3/register", "POST /v3/connect");
    let mut order = endpoint.routes();
    order.retain(|route| route == register || route == connect);
    assert_eq!(order, [register, register, connect, connect]);
    let line = |text: &str| {
        let found = ended.log.lines().position(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("{text} in {}", ended.log))
    };
    let ids = [
        "a,b / name of a,name of b / none",
        "b,a / name of b,name of a / none",
    ];
    assert!(
        ids.iter().any(|ids| ended.log.contains(ids)),
        "{}",
        ended.log
    );
    assert!(line(" / none") < line("bye") && line("bye") < line("unended"));
}

#[tokio::test]
async fn a_startup_that_fails_is_the_end_before_any_connection() {
    let (endpoint, bench) = bench().await;
    let hooks = hook(&bench, "hooks", "agent-startup", "echo no disk; exit 3");
    hook(&bench, "hooks", "agent-shutdown", "echo cleaned up");
    let hooks = format!("--hooks-path={hooks}");
    let ended = bench.start(&endpoint, &[&hooks]).ended().await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(endpoint.routes(), ["POST /v3/register"]);
    for text in [
        "no disk",
        "agent-startup exited with status 3",
        "cleaned up",
    ] {
        assert!(ended.log.contains(text), "{text}: {}", ended.log);
    }
}

#[tokio::test]
async fn hooks_of_every_folder_run_in_order_until_one_fails() {
    let (endpoint, bench) = bench().await;
    let log = bench.path("ran").display().to_string();
    let script = |name: &str, end: &str| format!("echo {name} >> {log}; {end}");
    let one = hook(&bench, "one", "agent-startup", &script("one", "true"));
    let two = hook(&bench, "two", "agent-startup", &script("two", "exit 1"));
    let three = hook(&bench, "three", "agent-startup", &script("three", "true"));
    let first = format!("--hooks-path={one}");
    let further = format!("--additional-hooks-paths={two},{three}");
    let ended = bench.start(&endpoint, &[&first, &further]).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "one\ntwo\n");
}

#[tokio::test]
async fn the_shell_for_hooks_runs_these_too() {
    let (endpoint, bench) = bench().await;
    let hooks = hook(
        &bench,
        "hooks",
        "agent-startup",
        "#!/bin/bash\necho shell is $0 $-",
    );
    let hooks = format!("--hooks-path={hooks}");
    let args = [hooks.as_str(), "--hooks-shell=/bin/sh -u"];
    let ended = bench.start(&endpoint, &args).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let said = ended
        .log
        .lines()
        .find(|line| line.contains("shell is"))
        .unwrap();
    let (_, flags) = said.rsplit_once(' ').unwrap();
    assert!(flags.contains('u'), "{said}");
}

#[tokio::test]
async fn a_signal_ends_a_startup_that_takes_long() {
    let (endpoint, bench) = bench().await;
    let up = bench.path("up").display().to_string();
    let script = format!("echo up > {up}; sleep 600");
    let hooks = hook(&bench, "hooks", "agent-startup", &script);
    hook(&bench, "hooks", "agent-shutdown", "echo cleaned up");
    let hooks = format!("--hooks-path={hooks}");
    let agent = bench.start(&endpoint, &[&hooks]);
    appears(&bench.path("up")).await;
    agent.signal(Signal::Terminate);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(
        endpoint.routes(),
        ["POST /v3/register", "POST /v3/disconnect"]
    );
    assert!(ended.log.contains("cleaned up"), "{}", ended.log);
}

#[tokio::test]
async fn one_refused_registration_is_the_end_of_the_whole_start() {
    let (endpoint, bench) = bench().await;
    let registered = ok(&json!({"id": "a", "name": "a", "access_token": "t"}));
    endpoint.on(
        "POST /v3/register",
        [registered, crate::endpoint::status(401)],
    );
    let hooks = hook(&bench, "hooks", "agent-startup", "echo started up");
    let hooks = format!("--hooks-path={hooks}");
    let ended = bench.start(&endpoint, &["--spawn=2", &hooks]).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(endpoint.asked("POST /v3/connect").is_empty());
    assert!(!ended.log.contains("started up"), "{}", ended.log);
}

#[tokio::test]
async fn an_agent_that_is_canceled_still_cleans_up() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let hooks = hook(
        &bench,
        "hooks",
        "agent-shutdown",
        "ls >/dev/null; echo all clean",
    );
    let hooks = format!("--hooks-path={hooks}");
    let agent = bench.start(&endpoint, &[&hooks]);
    endpoint.wait("GET /v3/ping", 1).await;
    agent.quit();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("all clean"), "{}", ended.log);
}

#[tokio::test]
async fn a_last_hook_that_takes_long_is_asked_to_end_by_a_second_signal() {
    let (endpoint, bench) = bench().await;
    let up = bench.path("up").display().to_string();
    let script = format!("trap 'echo asked; exit' TERM\necho up > {up}\nsleep 600 & wait");
    let hooks = hook(&bench, "hooks", "agent-shutdown", &script);
    let hooks = format!("--hooks-path={hooks}");
    let agent = bench.start(&endpoint, &[&hooks]);
    appears(&bench.path("up")).await;
    agent.signal(Signal::Terminate);
    agent.signal(Signal::Interrupt);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("asked"), "{}", ended.log);
}
