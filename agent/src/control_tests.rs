//! What a launcher sees of an agent.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::task::{JoinHandle, LocalSet};

use super::*;

/// An agent's control socket and both ends of what it is wired to.
struct Bench {
    _folder: tempfile::TempDir,
    state: StateDir,
    pid: u32,
    orders: mpsc::Receiver<Order>,
    phase: watch::Sender<Phase>,
    pool: watch::Sender<PoolStatus>,
    serving: JoinHandle<()>,
}

/// A launcher's end of a connection.
struct Launcher(BufReader<UnixStream>);

impl Bench {
    fn open(orphan_grace: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::new(folder.path());
        let pid = std::process::id();
        let introduction = Introduction {
            handle: Handle {
                pid,
                start: 5,
                digest: "ab".into(),
            },
            version: "1.2.3".into(),
            spawn: 2,
            fault: None,
            release_serial: Some(7),
        };
        let control = Control::open(&state, introduction, orphan_grace).unwrap();
        let (orders_in, orders) = mpsc::channel(8);
        let phase = watch::Sender::new(Phase::Standby);
        let pool = watch::Sender::new(PoolStatus::default());
        let serving = control.serve(orders_in, phase.subscribe(), pool.subscribe());
        Self {
            _folder: folder,
            state,
            pid,
            orders,
            phase,
            pool,
            serving: tokio::task::spawn_local(serving),
        }
    }

    async fn connect(&self) -> Launcher {
        let socket = self.state.agent_socket(self.pid);
        Launcher(BufReader::new(UnixStream::connect(socket).await.unwrap()))
    }
}

impl Launcher {
    async fn line(&mut self) -> Option<ToLauncher> {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        (!line.is_empty()).then(|| ToLauncher::decode(&line))
    }

    async fn greeted(mut self) -> Self {
        assert!(matches!(
            self.line().await,
            Some(ToLauncher::Hello { spawn: 2, .. })
        ));
        assert!(matches!(
            self.line().await,
            Some(ToLauncher::SelfTest { ok: true, .. })
        ));
        assert!(matches!(self.line().await, Some(ToLauncher::Status(_))));
        self
    }

    async fn say(&mut self, message: &ToAgent) {
        self.0.write_all(message.encode().as_bytes()).await.unwrap();
    }
}

/// Runs a test where agents run: in a local set.
async fn locally(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_launcher_is_greeted_and_its_pings_are_answered() {
    locally(async {
        let bench = Bench::open(Duration::from_mins(10));
        let mut launcher = bench.connect().await.greeted().await;
        launcher.say(&ToAgent::Ping { seq: 9 }).await;
        assert_eq!(launcher.line().await, Some(ToLauncher::Pong { seq: 9 }));
        assert!(matches!(launcher.line().await, Some(ToLauncher::Status(_))));
    })
    .await;
}

#[tokio::test]
async fn what_a_launcher_says_becomes_an_order() {
    locally(async {
        let mut bench = Bench::open(Duration::from_mins(10));
        let mut launcher = bench.connect().await.greeted().await;
        for (message, order) in [
            (ToAgent::Accept { slots: 2 }, Order::Accept(2)),
            (ToAgent::Drain, Order::Drain),
            (ToAgent::Stop, Order::Stop),
            (ToAgent::Cancel, Order::Cancel),
        ] {
            launcher.say(&ToAgent::Unknown("song".into())).await;
            launcher.say(&message).await;
            assert_eq!(bench.orders.recv().await, Some(order));
        }
    })
    .await;
}

#[tokio::test]
async fn changes_are_told_and_a_newer_release_once() {
    locally(async {
        let bench = Bench::open(Duration::from_mins(10));
        let mut launcher = bench.connect().await.greeted().await;
        bench.phase.send_replace(Phase::Serving);
        let told = launcher.line().await;
        assert!(matches!(told, Some(ToLauncher::Status(s)) if s.phase == Phase::Serving));
        bench.pool.send_modify(|pool| pool.release_serial = Some(7));
        bench.pool.send_modify(|pool| pool.release_serial = Some(8));
        assert_eq!(
            launcher.line().await,
            Some(ToLauncher::UpgradeNeeded { serial: 8 })
        );
        bench.pool.send_modify(|pool| pool.busy = 1);
        assert!(matches!(launcher.line().await, Some(ToLauncher::Status(s)) if s.busy == 1));
    })
    .await;
}

#[tokio::test]
async fn the_newest_launcher_is_the_one_that_counts() {
    locally(async {
        let mut bench = Bench::open(Duration::from_mins(10));
        let mut old = bench.connect().await.greeted().await;
        let mut new = bench.connect().await.greeted().await;
        assert_eq!(old.line().await, None, "the old one is sent away");
        new.say(&ToAgent::Drain).await;
        assert_eq!(bench.orders.recv().await, Some(Order::Drain));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_left_alone_stops_after_its_grace() {
    locally(async {
        let mut bench = Bench::open(Duration::from_mins(10));
        let start = Instant::now();
        assert_eq!(bench.orders.recv().await, Some(Order::Stop));
        assert_eq!(start.elapsed().as_secs(), 600);
    })
    .await;
}

#[tokio::test]
async fn a_line_without_end_is_not_kept() {
    locally(async {
        let bench = Bench::open(Duration::from_mins(10));
        let mut launcher = bench.connect().await.greeted().await;
        let endless = "x".repeat(64 * 1024);
        // The agent may hang up before all of it is written.
        let _ = launcher.0.write_all(endless.as_bytes()).await;
        let mut line = String::new();
        let read = launcher.0.read_line(&mut line).await;
        assert!(matches!(read, Ok(0) | Err(_)), "the connection is closed");
    })
    .await;
}

#[tokio::test]
async fn socket_and_handle_come_and_go_with_the_agent() {
    locally(async {
        let bench = Bench::open(Duration::from_mins(10));
        let handle = fs::read_to_string(bench.state.agent_handle(bench.pid)).unwrap();
        assert_eq!(handle, format!("pid={} start=5 digest=ab\n", bench.pid));
        bench.serving.abort();
        let _ = bench.serving.await;
        assert!(!bench.state.agent_handle(bench.pid).exists());
        assert!(!bench.state.agent_socket(bench.pid).exists());
    })
    .await;
}
