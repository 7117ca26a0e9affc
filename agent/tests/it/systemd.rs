//! What systemd hears of the agent it started.

use std::io::ErrorKind;
use std::path::Path;

use shared_supervise::Signal;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::agent::Bench;
use crate::endpoint::{Endpoint, PATIENCE, disconnect, status};

struct Ear(UnixDatagram);

impl Ear {
    fn open(path: &Path) -> Self {
        Self(UnixDatagram::bind(path).unwrap())
    }

    /// Listens until something is said, and returns all that was said up to there.
    async fn hears(&self, wanted: &str) -> String {
        let mut heard = String::new();
        let listening = async {
            while !heard.contains(wanted) {
                let mut buffer = [0; 512];
                let count = self.0.recv(&mut buffer).await.unwrap();
                heard.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
            }
        };
        let heard_it = timeout(PATIENCE, listening).await;
        assert!(heard_it.is_ok(), "{wanted}; heard {heard}");
        heard
    }
}

#[tokio::test]
async fn it_hears_of_start_life_and_end() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let socket = bench.path("notify");
    let ear = Ear::open(&socket);
    let env = [
        ("NOTIFY_SOCKET", socket.to_str().unwrap()),
        ("WATCHDOG_USEC", "100000"),
    ];
    let agent = bench.start_with(&endpoint, &[], &env);
    let status = "STATUS=idle, 1 worker connected";
    let start = ear.hears(status).await;
    for text in ["EXTEND_TIMEOUT_USEC=", "READY=1"] {
        assert!(start.contains(text), "{text}: {start}");
    }
    ear.hears("WATCHDOG=1").await;
    agent.signal(Signal::Terminate);
    ear.hears("STOPPING=1").await;
    assert_eq!(agent.ended().await.code, Some(0));
}

#[tokio::test]
async fn an_agent_that_is_not_connected_is_not_ready() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("POST /v3/register", [status(401)]);
    let socket = bench.path("notify");
    let ear = Ear::open(&socket);
    let env = [("NOTIFY_SOCKET", socket.to_str().unwrap())];
    let ended = bench.start_with(&endpoint, &[], &env).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    let heard = ear.hears("STATUS=").await;
    assert!(!heard.contains("READY"), "{heard}");
}

#[tokio::test]
async fn a_watchdog_that_cannot_be_told_anything_is_an_error() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let env = [("WATCHDOG_USEC", "100000")];
    let ended = bench.start_with(&endpoint, &[], &env).ended().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.log.contains("NOTIFY_SOCKET"), "{}", ended.log);
    assert!(endpoint.routes().is_empty());
}

#[tokio::test]
async fn an_agent_that_ends_by_itself_says_so_and_lives_until_its_last_hook_is_done() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [disconnect()]);
    let socket = bench.path("notify");
    let ear = Ear::open(&socket);
    let go = bench.path("go");
    let wait = format!("until [ -e {} ]; do sleep 0.02; done", go.display());
    std::fs::create_dir(bench.path("hooks")).unwrap();
    std::fs::write(bench.path("hooks/agent-shutdown"), wait).unwrap();
    let env = [
        ("NOTIFY_SOCKET", socket.to_str().unwrap()),
        ("WATCHDOG_USEC", "100000"),
    ];
    let hooks = format!("--hooks-path={}", bench.path("hooks").display());
    let agent = bench.start_with(&endpoint, &[&hooks], &env);
    ear.hears("STOPPING=1").await;
    for _ in 0..3 {
        ear.hears("WATCHDOG=1").await;
    }
    std::fs::write(go, "").unwrap();
    assert_eq!(agent.ended().await.code, Some(0));
}

#[tokio::test]
async fn it_hears_nothing_of_an_agent_under_a_launcher() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let (socket, state) = (bench.path("notify"), bench.path("state"));
    let ear = Ear::open(&socket);
    let env = [
        ("NOTIFY_SOCKET", socket.to_str().unwrap()),
        ("WATCHDOG_USEC", "100000"),
        ("TRIREME_STATE_DIR", state.to_str().unwrap()),
        ("TRIREME_STANDBY", "1"),
        ("TRIREME_RELEASE_SERIAL", "4"),
    ];
    let agent = bench.start_with(&endpoint, &[], &env);
    endpoint.wait("POST /v3/register", 1).await;
    agent.signal(Signal::Terminate);
    assert_eq!(agent.ended().await.code, Some(0));
    let said = ear.0.try_recv(&mut [0; 512]);
    assert_eq!(said.unwrap_err().kind(), ErrorKind::WouldBlock);
}
