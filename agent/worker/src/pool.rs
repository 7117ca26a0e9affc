//! The pool: as many workers as are wanted, and one view of them all.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use agent_metrics::{Event, Metrics};
use agent_runner::JobSettings;
use shared_client::Client;
use shared_protocol::JobId;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::baton::PingMode;
use crate::leash::{Leash, Registered, Report, Told, Wish};
use crate::outage::{Note, Outage};
use crate::pulse::Pulse;
use crate::register::Identity;
use crate::rounds::Rounds;
use crate::scout::Scout;
use crate::slots::{Activity, Crew, Slot, changes, idle_deadline};
use crate::worker::{End, Worker, WorkerError};

/// Reports under way. The pool takes them as they come; a worker waits when it does not.
const REPORTS: usize = 64;

/// Requests of starting workers under way at once: as many as there are connections to keep for
/// later ones.
const TURNS: usize = 16;

/// What all workers have in common.
#[derive(Debug)]
pub struct Settings {
    /// With the registration token.
    pub client: Client,
    /// What they say of themselves.
    pub identity: Identity,
    /// How they run jobs.
    pub jobs: Arc<JobSettings>,
    /// Where they look for work.
    pub ping_mode: PingMode,
    /// When they ask for it.
    pub rounds: Rounds,
    /// Each worker ends after one job.
    pub one_job: bool,
    /// The one worker acquires this job, runs it, and ends.
    pub acquire: Option<JobId>,
    /// Each worker ends when it has been connected for so long. Its job is not cut short.
    pub uptime: Option<Duration>,
    /// Where heartbeats are noted, if anybody wants to know.
    pub pulse: Option<Pulse>,
    /// The pool ends when all of it had no job for so long.
    pub idle_timeout: Option<Duration>,
    /// An endpoint that does not answer is waited for, however long. Otherwise a worker gives up
    /// after the five minutes that the peer has for it.
    pub outlive_outages: bool,
    /// Where they record what happens to them.
    pub metrics: Metrics,
}

/// How many workers there should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Number of workers that take jobs.
    pub slots: u32,
    /// Number of workers that are registered while none may connect yet, so that they can at once.
    pub registered: u32,
    /// Whether the pool ends when none is left. Without it, none at all is a state like others.
    pub end_when_empty: bool,
}

/// Where the pool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolStatus {
    /// Workers that could take a job now.
    pub ready: u32,
    /// Workers that run one.
    pub busy: u32,
    /// Jobs finished so far.
    pub jobs_done: u64,
    /// Whether the endpoint answers.
    pub server: ServerState,
    /// Highest serial of a release that the endpoint wants this host to run.
    pub release_serial: Option<u64>,
}

/// Whether the endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServerState {
    /// Nothing known yet.
    #[default]
    Unknown,
    /// The last authenticated request was accepted.
    Accepted,
    /// The last one failed.
    Failing,
}

/// What came of a pool whose workers did what they were there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Served {
    /// Exit status of the job that was to be acquired.
    pub acquired: Option<i32>,
}

/// All workers of a process.
#[derive(Debug)]
pub struct Pool {
    settings: Arc<Settings>,
    wanted: watch::Receiver<Wanted>,
    /// Cancelled when jobs are to be stopped; the pool ends after that.
    cancel: CancellationToken,
    status: watch::Sender<PoolStatus>,
    release_serial: watch::Receiver<Option<u64>>,
    slots: Vec<Slot>,
    wishes: Vec<watch::Sender<Wish>>,
    registered: Vec<Option<Registered>>,
    workers: JoinSet<(usize, End)>,
    tasks: HashMap<Id, usize>,
    /// Given to each new worker; never closed while the pool lives.
    reporter: mpsc::Sender<(usize, Report)>,
    reports: mpsc::Receiver<(usize, Report)>,
    turns: Arc<Semaphore>,
    scout: Rc<Scout>,
    outage: Outage,
    /// Whether workers may connect. Until then all of them are held.
    open: bool,
    /// Nobody is wanted any more, whatever [`Wanted`] says.
    closing: bool,
    failure: Option<WorkerError>,
    served: Served,
}

impl Pool {
    /// A pool without workers yet. `status` is kept up to date while it runs.
    pub fn new(
        settings: Settings,
        wanted: watch::Receiver<Wanted>,
        cancel: CancellationToken,
        status: watch::Sender<PoolStatus>,
    ) -> Self {
        let (reporter, reports) = mpsc::channel(REPORTS);
        Self {
            release_serial: settings.client.transport().release_serial(),
            settings: Arc::new(settings),
            wanted,
            cancel,
            status,
            slots: Vec::new(),
            wishes: Vec::new(),
            registered: Vec::new(),
            workers: JoinSet::new(),
            tasks: HashMap::new(),
            reporter,
            reports,
            turns: Arc::new(Semaphore::new(TURNS)),
            scout: Rc::default(),
            outage: Outage::default(),
            open: false,
            closing: false,
            failure: None,
            served: Served::default(),
        }
    }

    /// Registers all workers that are wanted, at the same time, and waits until the first of them
    /// may take jobs. `None` when that will not be; [`Pool::run`] then says why, after those that
    /// are registered are gone.
    ///
    /// Workers are tasks of the same thread, so this has to be called in a
    /// [`LocalSet`](tokio::task::LocalSet).
    pub async fn gather(&mut self) -> Option<Vec<Registered>> {
        loop {
            let wanted = self.catch_up();
            if self.closing || wanted.end_when_empty {
                return None;
            }
            if wanted.slots > 0 && self.registered.iter().all(Option::is_some) {
                let first = self.registered.iter().flatten();
                return Some(first.take(wanted.slots as usize).cloned().collect());
            }
            self.next_event().await;
        }
    }

    /// Lets the workers connect and runs until none is left and none will come: because that is
    /// wanted, or because all ended by themselves. The first error of a worker is the pool's.
    pub async fn run(mut self) -> Result<Served, WorkerError> {
        self.open = true;
        loop {
            let wanted = self.catch_up();
            if self.workers.is_empty() && self.is_over(wanted) {
                return self.failure.map_or(Ok(self.served), Err);
            }
            self.next_event().await;
        }
    }

    /// Does what is wanted now, and says how things stand.
    fn catch_up(&mut self) -> Wanted {
        let serial = *self.release_serial.borrow_and_update();
        self.update(|status| status.release_serial = serial);
        let wanted = *self.wanted.borrow_and_update();
        self.adjust(wanted);
        self.publish();
        wanted
    }

    /// Waits for one thing to happen and takes note of it.
    async fn next_event(&mut self) {
        let idle = self.idle_deadline();
        tokio::select! {
            biased;
            Some(ended) = self.workers.join_next_with_id() => self.ended(ended),
            Some((slot, report)) = self.reports.recv() => self.take(slot, report),
            () = self.cancel.cancelled(), if !self.closing => self.closing = true,
            // The sender lives as long as the client in the settings.
            Ok(()) = self.release_serial.changed() => {}
            changed = self.wanted.changed() => self.closing |= changed.is_err(),
            () = tokio::time::sleep_until(idle.unwrap_or_else(Instant::now)), if idle.is_some() => {
                tracing::info!("no job for the idle time-out, disconnecting");
                self.closing = true;
            }
        }
    }

    fn is_over(&self, wanted: Wanted) -> bool {
        let ended = self.slots.iter().filter(|slot| **slot == Slot::Ended);
        let all_ended = wanted.slots > 0 && ended.count() >= wanted.slots as usize;
        self.closing || wanted.end_when_empty || all_ended
    }

    fn idle_deadline(&self) -> Option<Instant> {
        let timeout = self.settings.idle_timeout.filter(|_| !self.closing)?;
        idle_deadline(&self.slots, timeout)
    }

    /// Starts, dismisses and keeps workers so that as many serve as are wanted.
    fn adjust(&mut self, wanted: Wanted) {
        let crew = self.crew(wanted);
        while self.slots.len() < crew.serving.max(crew.present) {
            self.slots.push(Slot::Vacant);
            self.wishes.push(watch::Sender::new(Wish::Leave));
            self.registered.push(None);
        }
        let changes = changes(&self.slots, crew);
        for slot in changes.start {
            self.start(slot, Activity::Starting, Wish::Serve);
        }
        for slot in changes.hold {
            self.start(slot, Activity::Held, Wish::Hold);
        }
        for slot in changes.release {
            self.slots[slot] = Slot::Live {
                activity: Activity::Starting,
                leaving: false,
            };
            self.wishes[slot].send_replace(Wish::Serve);
        }
        for slot in changes.dismiss {
            self.set_leaving(slot, true);
        }
        for slot in changes.keep {
            self.set_leaving(slot, false);
        }
    }

    fn crew(&self, wanted: Wanted) -> Crew {
        let (slots, registered) = (wanted.slots as usize, wanted.registered as usize);
        Crew {
            serving: if self.closing || !self.open { 0 } else { slots },
            // Whoever cannot connect at the opening registers anew when he can: it may be hours later.
            present: match (self.closing, self.open) {
                (true, _) => 0,
                (false, true) => slots,
                (false, false) => slots.max(registered),
            },
        }
    }

    fn start(&mut self, slot: usize, activity: Activity, wish: Wish) {
        self.wishes[slot].send_replace(wish);
        self.registered[slot] = None;
        self.slots[slot] = Slot::Live {
            activity,
            leaving: false,
        };
        let worker = Worker {
            settings: Arc::clone(&self.settings),
            leash: Leash {
                slot,
                reports: self.reporter.clone(),
                wish: self.wishes[slot].subscribe(),
                quit: self.cancel.child_token(),
                turns: Arc::clone(&self.turns),
                scout: Rc::clone(&self.scout),
                pulse: self.settings.pulse.clone(),
                metrics: self.settings.metrics.clone(),
                told: Told::default(),
            },
        };
        worker
            .leash
            .record(|worker| Event::WorkerStarted { worker });
        let task = self
            .workers
            .spawn_local(async move { (slot, worker.run().await) });
        self.tasks.insert(task.id(), slot);
    }

    fn set_leaving(&mut self, slot: usize, leaves: bool) {
        if let Slot::Live { leaving, .. } = &mut self.slots[slot] {
            *leaving = leaves;
        }
        let wish = if leaves { Wish::Leave } else { Wish::Serve };
        self.wishes[slot].send_replace(wish);
    }

    fn take(&mut self, slot: usize, report: Report) {
        let now = Instant::now();
        match report {
            Report::Activity(new) => {
                if let Slot::Live { activity, .. } = &mut self.slots[slot] {
                    *activity = new;
                }
            }
            Report::Registered(worker) => self.registered[slot] = Some(worker),
            Report::Acquired(status) => self.served.acquired = Some(status),
            Report::JobDone => self.update(|status| status.jobs_done += 1),
            Report::Answered => {
                self.update(|status| status.server = ServerState::Accepted);
                if let Some(Note::Ended { lasted, failures }) = self.outage.answered(now) {
                    let seconds = lasted.as_secs();
                    tracing::info!(seconds, failures, "the endpoint answers again");
                }
            }
            Report::Failed(error) => {
                self.update(|status| status.server = ServerState::Failing);
                if self.outage.failed(now).is_some() {
                    tracing::warn!("the endpoint does not answer, trying on: {error}");
                }
            }
        }
    }

    fn ended(&mut self, ended: Result<(Id, (usize, End)), JoinError>) {
        let (id, end) = match ended {
            Ok((id, (_, end))) => (id, end),
            Err(error) => {
                let slot = self.tasks.get(&error.id()).copied().unwrap_or_default();
                (error.id(), End::Failed(WorkerError::Panicked(slot + 1)))
            }
        };
        let Some(slot) = self.tasks.remove(&id) else {
            return;
        };
        let worker = u32::try_from(slot + 1).unwrap_or(u32::MAX);
        self.settings.metrics.record(&Event::WorkerEnded { worker });
        if let Some(pulse) = &self.settings.pulse {
            pulse.ended(slot);
        }
        self.slots[slot] = match end {
            End::Dismissed => Slot::Vacant,
            End::Left(why) => {
                tracing::info!(worker = slot + 1, ?why, "worker left");
                Slot::Ended
            }
            End::Failed(error) => {
                self.fail(slot, error);
                Slot::Ended
            }
        };
    }

    /// A refused registration is refused to all of them, so all go, and the caller says why once.
    /// So does any error before the first of them may connect.
    fn fail(&mut self, slot: usize, error: WorkerError) {
        if let Some(pulse) = &self.settings.pulse {
            pulse.failed();
        }
        self.closing |=
            !self.open || matches!(error, WorkerError::Register(_) | WorkerError::Endpoint(_));
        // The first one is said at the end, by the caller.
        let others = self.workers.len();
        if !self.closing && (others > 0 || self.failure.is_some()) {
            tracing::error!(worker = slot + 1, others, "{error}; the others go on");
        }
        self.failure.get_or_insert(error);
    }

    fn update(&self, change: impl FnOnce(&mut PoolStatus)) {
        self.status.send_if_modified(|status| {
            let before = *status;
            change(status);
            *status != before
        });
    }

    fn publish(&self) {
        let count = |matches: fn(&Slot) -> bool| {
            let count = self.slots.iter().filter(|slot| matches(slot)).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let ready = count(|slot| {
            let ready = |activity: &Activity| matches!(activity, Activity::Ready { .. });
            matches!(slot, Slot::Live { activity, leaving: false } if ready(activity))
        });
        let busy = count(|slot| {
            matches!(
                slot,
                Slot::Live {
                    activity: Activity::Busy,
                    ..
                }
            )
        });
        self.update(|status| {
            status.ready = ready;
            status.busy = busy;
        });
    }
}
