//! What all handlers share.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use server_jobs::Moment;
use server_releases::Tree;
use server_store::{Changed, Store};
use shared_protocol::AgentId;
use tokio::sync::watch;
use tracing::{error, info};

use crate::Settings;
use crate::wake::Wakes;

/// Where time comes from: the operating system's clock, or a test's.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// The shared parts of a running server. Clones are the same server.
#[derive(Clone)]
pub struct Server(Arc<Parts>);

/// The parts; see [`Server`].
pub struct Parts {
    pub(crate) store: Store,
    pub(crate) tree: Tree,
    pub(crate) settings: Settings,
    pub(crate) wakes: Wakes,
    clock: Clock,
    /// Since when this process listens: silence before that is our own.
    pub(crate) up_since: Moment,
    /// When workers were last heard of, as far as the database does not know it yet.
    heard: Mutex<HashMap<AgentId, Moment>>,
    /// Serial of the channel's manifest; 0 while there is none.
    release_serial: AtomicU64,
    /// Turns true once, when the server stops; streams end then.
    stopping: watch::Sender<bool>,
}

impl Server {
    /// Puts the parts together. Nothing runs yet.
    pub fn new(store: Store, tree: Tree, settings: Settings, clock: Clock) -> Self {
        let up_since = clock();
        Self(Arc::new(Parts {
            store,
            tree,
            settings,
            wakes: Wakes::default(),
            clock,
            up_since,
            heard: Mutex::default(),
            release_serial: AtomicU64::new(0),
            stopping: watch::Sender::new(false),
        }))
    }

    /// Ends the streams, so that open pages do not hold up the end of the server.
    pub fn stop_streams(&self) {
        self.stopping.send_replace(true);
    }
}

impl Deref for Server {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Parts {
    pub(crate) fn now(&self) -> Moment {
        (self.clock)()
    }

    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Notes that a worker was heard of.
    pub(crate) fn note_heard(&self, agent: &AgentId, now: Moment) {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(agent.clone(), now);
    }

    /// Takes what was noted since the last call.
    pub(crate) fn take_heard(&self) -> Vec<(AgentId, Moment)> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.drain().collect()
    }

    /// The serial of the release that hosts should run, if one was published.
    pub(crate) fn release_serial(&self) -> Option<u64> {
        match self.release_serial.load(Ordering::Relaxed) {
            0 => None,
            serial => Some(serial),
        }
    }

    pub(crate) fn set_release_serial(&self, serial: Option<u64>) {
        let serial = serial.unwrap_or(0);
        let before = self.release_serial.swap(serial, Ordering::Relaxed);
        if before != serial && serial == 0 {
            info!(channel = self.settings.channel, "no release any more");
        } else if before != serial {
            info!(channel = self.settings.channel, serial, "release published");
        }
    }

    /// Tells everybody who waits for these jobs, and writes them to the log.
    pub(crate) async fn announce(&self, changed: &[Changed]) {
        for Changed { job, state } in changed {
            let agent = state.holder().map(AgentId::as_str);
            info!(
                job = job.as_str(),
                state = state.name(),
                agent,
                "job changed"
            );
            if state.is_finished()
                && let Err(error) = self.store.close_log(job).await
            {
                error!(job = job.as_str(), %error, "log not closed");
            }
            self.wakes.job(job);
        }
        if !changed.is_empty() {
            self.wakes.fleet();
        }
    }
}
