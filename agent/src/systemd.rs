//! Telling systemd how the agent is, when systemd itself started it and wants to know. Under a
//! launcher it is silent: there the launcher speaks.

use std::time::Duration;

use agent_worker::PoolStatus;
use agent_worker::pulse::Pulse;
use shared_handover::message::Phase;
use shared_systemd::{RETRY, Standing, Systemd, work};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

/// How long a start may take that waits for its endpoint: as long as workers try to register, and a
/// little more.
const START: Duration = Duration::from_secs(330);

/// Tells it everything until it is dropped.
pub async fn serve(
    (mut systemd, pulse): (Systemd, Pulse),
    mut phase: watch::Receiver<Phase>,
    mut pool: watch::Receiver<PoolStatus>,
) {
    if let Err(error) = systemd.extend_start(START) {
        tracing::warn!("failed to ask systemd for time to start: {error}");
    }
    let mut feed_at = systemd.watchdog().map(|_| Instant::now());
    let mut standing = Standing::default();
    // The last hooks may take long after the pool has ended, and are watched as well.
    let mut over = false;
    loop {
        let stops = over || *phase.borrow_and_update() == Phase::Draining;
        standing = after(&standing, stops, *pool.borrow_and_update());
        if let Some(error) = systemd.tell(standing.clone()) {
            tracing::warn!("failed to tell systemd how the agent is, trying again: {error}");
        }
        tokio::select! {
            changed = phase.changed() => if changed.is_err() { return },
            changed = pool.changed(), if !over => over = changed.is_err(),
            () = sleep(RETRY), if systemd.owes() => {}
            () = until(feed_at) => {
                let is_well = pulse.is_well(Instant::now());
                if let Some(error) = is_well.then(|| systemd.feed()).flatten() {
                    tracing::warn!("failed to feed systemd's watchdog, trying again: {error}");
                }
                feed_at = systemd.feed_in().map(|wait| Instant::now() + wait);
            }
        }
    }
}

/// The agent is ready when its first worker is.
fn after(before: &Standing, stops: bool, pool: PoolStatus) -> Standing {
    Standing {
        ready: before.ready || pool.ready + pool.busy > 0,
        stopping: before.stopping || stops,
        status: work(pool.ready, pool.busy),
        patience: None,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
