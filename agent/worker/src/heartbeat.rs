//! Telling the endpoint that a worker is alive, whatever else it is doing.

use std::time::Duration;

use agent_metrics::Event;
use shared_client::{ClientError, Pacing as _, RealPacing};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::leash::Leash;
use crate::line::Line;
use crate::ping::LONGEST_INTERVAL;

/// The interval when the endpoint names none.
const DEFAULT_INTERVAL: Duration = Duration::from_mins(1);

/// Time between heartbeats; `seconds` as the endpoint said, 0 means it did not.
pub(crate) fn interval(seconds: u64) -> Duration {
    match seconds {
        0 => DEFAULT_INTERVAL,
        _ => Duration::from_secs(seconds).min(LONGEST_INTERVAL),
    }
}

/// Sends heartbeats until the endpoint refuses one, which is what is returned. Every other failure
/// passes: the next heartbeat is the next attempt.
pub(crate) async fn run(line: &Line, leash: &Leash, seconds: u64) -> ClientError {
    let every = interval(seconds);
    let beat = || {
        if let Some(pulse) = &leash.pulse {
            pulse.beat(leash.slot, Instant::now(), every);
        }
    };
    beat();
    // Workers that started together do not all send theirs at the same moment for ever.
    let first = every.mul_f64(0.5 + RealPacing.random() / 2.0);
    let mut ticks = interval_at(Instant::now() + first, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let sent_at = jiff::Timestamp::now().to_string();
        match line.client().heartbeat(&sent_at).await {
            Ok(_) => {
                beat();
                leash.record(|worker| Event::HeartbeatAnswered { worker });
            }
            Err(error) => {
                let text = error.to_string();
                leash.record(|worker| Event::HeartbeatFailed {
                    worker,
                    error: &text,
                });
                if error.is_refusal() {
                    return error;
                }
                tracing::warn!("failed to send a heartbeat: {error}");
            }
        }
    }
}
