//! Telling systemd how the agent is, when systemd itself started it and wants to know. Under a
//! launcher it is silent: there the service is another process.

use std::time::Duration;

use agent_worker::PoolStatus;
use agent_worker::pulse::Pulse;
use sd_notify::NotifyState;
use shared_handover::message::Phase;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How long a start may take that waits for its endpoint: as long as workers try to register, and a
/// little more.
const START: Duration = Duration::from_secs(330);

/// systemd watches, but nobody can tell it anything.
#[derive(Debug, thiserror::Error)]
#[error("WATCHDOG_USEC is set without NOTIFY_SOCKET; set NotifyAccess=main in the service's unit")]
pub struct Deaf;

/// A service manager that listens.
#[derive(Debug)]
pub struct Systemd {
    watchdog: Option<Duration>,
}

/// What was told last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Told {
    ready: bool,
    stopping: bool,
    workers: Option<(u32, u32)>,
}

impl Systemd {
    /// The one that the environment names, if it does.
    pub fn find() -> Result<Option<Self>, Deaf> {
        let watchdog = sd_notify::watchdog_enabled().filter(|every| !every.is_zero());
        if std::env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty()) {
            return Ok(Some(Self { watchdog }));
        }
        match watchdog {
            Some(_) => Err(Deaf),
            None => Ok(None),
        }
    }

    /// Tells it everything until it is dropped.
    pub async fn serve(
        self,
        pulse: Pulse,
        mut phase: watch::Receiver<Phase>,
        mut pool: watch::Receiver<PoolStatus>,
    ) {
        let start = u32::try_from(START.as_micros()).unwrap_or(u32::MAX);
        send(&[NotifyState::ExtendTimeoutUsec(start)]);
        let mut ticks = self.watchdog.map(|every| {
            let mut ticks = interval(every / 2);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        let mut told = Told::default();
        // The last hooks may take long after the pool has ended, and are watched as well.
        let mut over = false;
        loop {
            let stops = over || *phase.borrow_and_update() == Phase::Draining;
            let now = told.after(stops, *pool.borrow_and_update());
            now.tell(told);
            told = now;
            tokio::select! {
                changed = phase.changed() => if changed.is_err() { return },
                changed = pool.changed(), if !over => over = changed.is_err(),
                () = tick(ticks.as_mut()) => if pulse.is_well(Instant::now()) {
                    send(&[NotifyState::Watchdog]);
                }
            }
        }
    }
}

impl Told {
    /// What to have told. The agent is ready when its first worker is.
    fn after(self, stops: bool, pool: PoolStatus) -> Self {
        Self {
            ready: self.ready || pool.ready + pool.busy > 0,
            stopping: self.stopping || stops,
            workers: Some((pool.ready, pool.busy)),
        }
    }

    fn tell(self, before: Self) {
        let mut news = Vec::new();
        if self.ready && !before.ready {
            news.push(NotifyState::Ready);
        }
        if self.stopping && !before.stopping {
            news.push(NotifyState::Stopping);
        }
        let status = self.status();
        if self.workers != before.workers {
            news.push(NotifyState::Status(&status));
        }
        if !news.is_empty() {
            send(&news);
        }
    }

    fn status(self) -> String {
        let (ready, busy) = self.workers.unwrap_or_default();
        let jobs = match busy {
            1 => "job runs",
            _ => "jobs run",
        };
        let workers = match ready {
            1 => "worker waits",
            _ => "workers wait",
        };
        format!("{busy} {jobs}, {ready} {workers} for work")
    }
}

async fn tick(ticks: Option<&mut tokio::time::Interval>) {
    match ticks {
        Some(ticks) => _ = ticks.tick().await,
        None => std::future::pending().await,
    }
}

fn send(news: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(news) {
        tracing::warn!("failed to tell systemd how the agent is: {error}");
    }
}
