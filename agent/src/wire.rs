//! All channels of the agent, made in one place, and the loop that keeps the plan.
//!
//! ```text
//! signals ──────────────┐
//!                       ▼              wanted (watch)
//! launcher ─▶ control ─▶ orders ─▶ loop ────────────▶ service ─▶ pool ─▶ workers ─▶ jobs
//!     ▲          │                  │ cancel (token) ─────────────────────────────────▲
//!     │          │                  │ phase (watch)
//!     └──────────┴◀─────────────────┴◀── status (watch) ── pool
//!                                                           ▲
//!                      sources, thread of plugins ─▶ tags ┘ (before it starts)
//! ```

use std::time::Duration;

use agent_runner::outbox::Deliveries;
use agent_worker::pulse::Pulse;
use agent_worker::{PoolStatus, Served, Wanted};
use shared_client::Transport;
use shared_handover::message::Phase;
use shared_systemd::Systemd;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::control::Control;
use crate::kept::Kept;
use crate::observers::Observers;
use crate::plan::{Order, Plan};
use crate::rest;
use crate::service::{Service, ServiceError};
use crate::signals::Signals;
use crate::systemd;

/// Beyond the jobs' own grace period: the time in which the rest of a canceled agent has to end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Orders under way. More than a launcher ever sends before the loop looks.
const ORDERS: usize = 16;

/// What the agent is made of.
pub struct Parts {
    /// What the agent is there for.
    pub service: Service,
    /// Connections, for reports about jobs of an earlier agent.
    pub transport: Transport,
    /// What outlives this agent.
    pub kept: Kept,
    /// Delivers what it owes.
    pub deliveries: Deliveries,
    /// What to do at first.
    pub plan: Plan,
    /// The launcher's side, if there is a launcher.
    pub control: Option<Control>,
    /// systemd's ear, if there is one, and what it hears of the workers.
    pub systemd: Option<(Systemd, Pulse)>,
    /// Signals, caught already.
    pub signals: Signals,
    /// Who wants to know what happens.
    pub observers: Observers,
}

/// How the agent ended.
#[derive(Debug)]
pub enum Ending {
    /// All workers are gone.
    Done(Result<Served, ServiceError>),
    /// It did not wait for them.
    Abandoned,
}

/// What the loop changes, and others watch.
struct Outlets {
    wanted: watch::Sender<Wanted>,
    phase: watch::Sender<Phase>,
    cancel: CancellationToken,
}

/// Runs the agent to its end. Has to be called in a [`LocalSet`](tokio::task::LocalSet).
pub async fn run(parts: Parts) -> Ending {
    let Parts {
        service,
        transport,
        kept,
        deliveries,
        mut plan,
        control,
        systemd,
        mut signals,
        observers,
    } = parts;
    let _observing = observers.start();
    let grace = service.settings.jobs.cancel_grace + LAST_WORDS;
    let (orders_in, mut orders) = mpsc::channel(ORDERS);
    let (status_in, status) = watch::channel(PoolStatus::default());
    let outlets = Outlets {
        wanted: watch::Sender::new(plan.wanted()),
        phase: watch::Sender::new(plan.phase()),
        cancel: CancellationToken::new(),
    };
    let mut serving = std::pin::pin!(service.run(
        outlets.wanted.subscribe(),
        outlets.cancel.clone(),
        status_in,
    ));
    let phase = || outlets.phase.subscribe();
    let _rest = AbortOnDrop::spawn(rest::keep_small(status.clone()));
    let _systemd =
        systemd.map(|systemd| AbortOnDrop::spawn(systemd::serve(systemd, phase(), status.clone())));
    let _control =
        control.map(|control| AbortOnDrop::spawn(control.serve(orders_in, phase(), status)));
    let _deliveries = AbortOnDrop::spawn(deliveries.run());
    kept.recover(&transport);
    let mut deadline: Option<Instant> = None;
    loop {
        let order = tokio::select! {
            biased;
            ended = &mut serving => return Ending::Done(ended),
            order = signals.next() => order,
            Some(order) = orders.recv() => order,
            () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                tracing::error!("jobs did not end in time, leaving them");
                return Ending::Abandoned;
            }
        };
        plan = plan.after(order);
        tracing::info!("order: {order}");
        if plan.abandons() {
            return Ending::Abandoned;
        }
        if matches!(order, Order::Accept(_)) {
            // The agent whose place this one takes may have died meanwhile.
            kept.recover(&transport);
        }
        if plan.cancels() {
            deadline.get_or_insert_with(|| Instant::now() + grace);
        }
        outlets.follow(plan);
    }
}

impl Outlets {
    fn follow(&self, plan: Plan) {
        self.phase.send_replace(plan.phase());
        if plan.cancels() {
            self.cancel.cancel();
        }
        self.wanted.send_replace(plan.wanted());
    }
}

/// A task that does not outlive the loop.
struct AbortOnDrop(JoinHandle<()>);

impl AbortOnDrop {
    fn spawn(task: impl Future<Output = ()> + 'static) -> Self {
        Self(tokio::task::spawn_local(task))
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
