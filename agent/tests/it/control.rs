//! An agent under a launcher: standby, accept, drain, and back.

use shared_handover::layout::StateDir;
use shared_handover::message::{Phase, Server, Status, ToAgent, ToLauncher};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use serde_json::json;

use crate::agent::{Agent, Bench, appears};
use crate::endpoint::{Endpoint, PATIENCE, offer, ok};

struct Launcher(BufReader<UnixStream>);

impl Launcher {
    async fn connect(state: &StateDir, agent: &Agent) -> Self {
        // The socket is there before the handle is.
        appears(&state.agent_handle(agent.id.pid)).await;
        let socket = state.agent_socket(agent.id.pid);
        Self(BufReader::new(UnixStream::connect(socket).await.unwrap()))
    }

    async fn say(&mut self, message: ToAgent) {
        self.0.write_all(message.encode().as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> ToLauncher {
        let mut line = String::new();
        timeout(PATIENCE, self.0.read_line(&mut line))
            .await
            .unwrap()
            .unwrap();
        ToLauncher::decode(&line)
    }

    async fn until(&mut self, wanted: impl Fn(&ToLauncher) -> bool) {
        while !wanted(&self.line().await) {}
    }

    async fn until_status(&mut self, wanted: impl Fn(&Status) -> bool) {
        self.until(|message| matches!(message, ToLauncher::Status(status) if wanted(status)))
            .await;
    }
}

fn standby(bench: &Bench, endpoint: &Endpoint) -> (Agent, StateDir) {
    let state = bench.path("state");
    let env = [
        ("TRIREME_STATE_DIR", state.to_str().unwrap()),
        ("TRIREME_STANDBY", "1"),
        ("TRIREME_RELEASE_SERIAL", "4"),
    ];
    let agent = bench.start_with(endpoint, &["--spawn=2"], &env);
    (agent, StateDir::new(state))
}

#[tokio::test]
async fn an_agent_in_standby_is_registered_and_connects_when_it_is_told_to() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let (agent, state) = standby(&bench, &endpoint);
    let mut launcher = Launcher::connect(&state, &agent).await;
    launcher
        .until(|message| matches!(message, ToLauncher::SelfTest { ok: true, .. }))
        .await;
    launcher
        .until_status(|status| status.phase == Phase::Standby)
        .await;
    endpoint.wait("POST /v3/register", 2).await;
    launcher.say(ToAgent::Accept { slots: 0 }).await;
    launcher.say(ToAgent::Ping { seq: 1 }).await;
    launcher
        .until(|message| *message == ToLauncher::Pong { seq: 1 })
        .await;
    let connects = || endpoint.asked("POST /v3/connect").len();
    assert_eq!(connects(), 0, "nobody takes jobs in standby");
    launcher.say(ToAgent::Accept { slots: 1 }).await;
    launcher
        .until_status(|status| status.ready == 1 && status.server == Server::Accepted)
        .await;
    launcher.say(ToAgent::Accept { slots: 2 }).await;
    launcher.until_status(|status| status.ready == 2).await;
    assert_eq!(connects(), 2);
    launcher.say(ToAgent::Drain).await;
    launcher
        .until_status(|status| status.phase == Phase::Draining)
        .await;
    assert_eq!(agent.ended().await.code, Some(0));
    let registered = endpoint.asked("POST /v3/register").len();
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), registered);
    let log = std::fs::read_to_string(state.log("agent")).unwrap();
    assert!(log.contains("agent starts"), "{log}");
}

#[tokio::test]
async fn a_drain_lets_the_job_finish_and_can_be_taken_back() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.job("j1", &json!({}));
    bench.executor("echo up > up; until [ -e go ]; do sleep 0.02; done");
    let (agent, state) = standby(&bench, &endpoint);
    let mut launcher = Launcher::connect(&state, &agent).await;
    launcher.say(ToAgent::Accept { slots: 1 }).await;
    appears(&bench.path("builds/up")).await;
    launcher.say(ToAgent::Drain).await;
    launcher
        .until_status(|status| status.phase == Phase::Draining && status.busy == 1)
        .await;
    launcher.say(ToAgent::Accept { slots: 1 }).await;
    launcher
        .until_status(|status| status.phase == Phase::Serving)
        .await;
    std::fs::write(bench.path("builds/go"), "").unwrap();
    launcher
        .until_status(|status| status.jobs_done == 1 && status.ready == 1)
        .await;
    assert_eq!(
        endpoint.asked("POST /v3/connect").len(),
        1,
        "the same worker goes on"
    );
    launcher.say(ToAgent::Stop).await;
    assert_eq!(agent.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_newer_release_is_told_to_the_launcher_once() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let newer = ok(&json!({})).header("Trireme-Release-Serial", "5");
    endpoint.on("GET /v3/ping", [newer]);
    let (agent, state) = standby(&bench, &endpoint);
    let mut launcher = Launcher::connect(&state, &agent).await;
    launcher.say(ToAgent::Accept { slots: 1 }).await;
    launcher
        .until(|message| *message == ToLauncher::UpgradeNeeded { serial: 5 })
        .await;
    endpoint.wait("GET /v3/ping", 3).await;
    launcher.say(ToAgent::Ping { seq: 1 }).await;
    launcher
        .until(|message| {
            assert!(
                !matches!(message, ToLauncher::UpgradeNeeded { .. }),
                "told twice"
            );
            *message == ToLauncher::Pong { seq: 1 }
        })
        .await;
    launcher.say(ToAgent::Cancel).await;
    assert_eq!(agent.ended().await.code, Some(0));
}
