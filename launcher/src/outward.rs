//! What this launcher says of itself: status, metrics, events, and answers to operators.
//!
//! Told of each transition. Nothing here decides anything, and no trouble with any of it may hold up
//! an upgrade: it is one line in the log, and the next line comes when it is over.

mod asked;
mod measure;
mod status;

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use launcher_control::{Journal, Replier, StatusFile, Step as Transition};
use shared_control::reply::Change;
use shared_control::status::{LastError, Phase, Version};
use shared_fetch::{Kind, Obtained};
use shared_handover::layout::{Component, StateDir};
use tracing::{debug, warn};

use measure::Stopwatch;

use crate::plan::Plan;
use crate::upgrade::{Event, Step, Task, Upgrade, Verdict};

/// What an operator waits for.
#[derive(Debug)]
enum Wish {
    /// To know what follows from the manifest.
    Check,
    /// To have it installed. Part of it may be: `brought` is whether a version was committed since.
    Apply { brought: bool },
    /// To be back at the version before.
    Rollback {
        component: Component,
        from: String,
        to: String,
    },
}

/// What is said, and to whom.
#[derive(Debug)]
pub(crate) struct Outward {
    journal: Journal,
    status: StatusFile,
    /// Whether something changed since the status was put together last.
    changed: bool,
    /// Whether the last write of a file failed.
    mute: bool,
    /// Who waits for the step under way.
    waiting: Vec<(Wish, Replier)>,
    /// What the upgrade under way is about.
    subject: Option<(Component, Version)>,
    server_trouble: Option<LastError>,
    last_errors: HashMap<Component, LastError>,
    /// Bytes that came for a component, by how they came.
    bytes: HashMap<Component, Vec<(Kind, u64)>>,
    /// How often the version that is wanted was begun.
    attempts: u32,
    /// What follows from the manifest.
    changes: Vec<Change>,
    verdict: Option<Verdict>,
    stopwatch: Stopwatch,
    /// Whether the metrics changed since they were written.
    unmeasured: bool,
}

impl Outward {
    pub(crate) fn new(state: &StateDir) -> Self {
        Self {
            journal: Journal::new(state),
            status: StatusFile::new(state),
            changed: true,
            mute: false,
            waiting: Vec::new(),
            subject: None,
            server_trouble: None,
            last_errors: HashMap::new(),
            bytes: HashMap::new(),
            attempts: 0,
            changes: Vec::new(),
            verdict: None,
            stopwatch: Stopwatch::default(),
            unmeasured: true,
        }
    }

    pub(crate) fn server_answered(&mut self) {
        self.server_trouble = None;
    }

    pub(crate) fn server_failed(&mut self, what: &str, reason: &str) {
        let class = if what == crate::complaints::REFUSED {
            "trust"
        } else {
            "network"
        };
        self.server_trouble = Some(trouble(class, what, reason));
    }

    /// What is wrong with the server, for people.
    pub(crate) fn server_trouble(&self) -> Option<&str> {
        let trouble = self.server_trouble.as_ref();
        trouble.map(|trouble| trouble.detail.as_str())
    }

    /// The manifest was compared with what is installed.
    pub(crate) fn planned(&mut self, plan: &Plan) {
        let skipped = plan.skipped.iter().map(|skipped| Change {
            component: skipped.component.name().to_owned(),
            to: skipped.version.clone(),
            why: skipped.why.to_string(),
            ..Change::default()
        });
        let wanted = plan.task.iter().map(|task| Change {
            component: task.component.name().to_owned(),
            to: task.version.clone(),
            ..Change::default()
        });
        self.changes = skipped.chain(wanted).collect();
    }

    pub(crate) fn step_failed(&mut self, component: Component, reason: &str) {
        let trouble = trouble("network", "step", reason);
        self.last_errors.insert(component, trouble);
    }

    /// A file came.
    pub(crate) fn obtained(&mut self, task: Option<&Task>, obtained: &Obtained) {
        let Some(component) = task.map(|task| task.component) else {
            return;
        };
        let received = obtained.received;
        let counted = [
            (Kind::Delta, received.delta),
            (Kind::Zstd, received.zstd),
            (Kind::Full, received.full),
            (Kind::Local, received.local),
        ];
        for (kind, bytes) in counted.into_iter().filter(|(_, bytes)| *bytes > 0) {
            let metrics = &mut self.journal.metrics;
            metrics.bytes(component.name(), kind.name(), bytes);
        }
        self.bytes.insert(component, counted.to_vec());
    }

    /// A version on trial is started.
    pub(crate) fn tried(&mut self, component: Component) {
        self.journal.metrics.tried(component.name());
    }

    /// Something changed that the status shows.
    pub(crate) fn changed(&mut self) {
        self.changed = true;
    }

    /// The machine went from `from` to `to` because of an event.
    pub(crate) fn stepped(&mut self, from: Step, event: &Event, to: &Upgrade, now: Duration) {
        self.changed = true;
        if let Event::Judged(verdict) = event {
            self.verdict = Some(*verdict);
        }
        self.time_trial(from, event, to.step(), now);
        self.unmeasured |= from != to.step();
        if let (Step::Checking, Some(task)) = (from, to.task()) {
            let version = Version {
                version: task.version.clone(),
                digest: task.digest.to_string(),
                serial: task.serial,
            };
            let subject = Some((task.component, version));
            self.attempts = if self.subject == subject {
                self.attempts + 1
            } else {
                1
            };
            self.subject = subject;
        }
        let Some((component, version)) = &self.subject else {
            return;
        };
        // Nobody wants a line for each question to the server.
        let was_asked = from == Step::Checking && to.step() == Step::Idle;
        let is_asked = from != Step::Settling && to.step() == Step::Checking;
        if from == to.step() || is_asked || was_asked {
            return;
        }
        let (outcome, detail) = outcome(from, event, to, self.verdict);
        if outcome == "committed" {
            self.last_errors.remove(component);
        }
        let transition = Transition {
            component: component.name(),
            // What follows from the next question is another upgrade.
            to: match to.step() {
                Step::Checking => Phase::Idle,
                step => phase(step),
            },
            version: version.clone(),
            outcome,
            detail,
        };
        let noted = self.journal.note(transition, now, Timestamp::now());
        self.heard(noted);
    }

    /// When the status is to be written.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.status.due()
    }

    fn heard(&mut self, done: io::Result<()>) {
        match done {
            Err(error) if !self.mute => {
                self.mute = true;
                warn!(%error, "cannot write status, metrics or events; trying again at each change");
            }
            Err(error) => debug!(%error, "cannot write status, metrics or events"),
            Ok(()) => self.mute = false,
        }
    }
}

/// How the step ended, in one word where that is more than that it went on; and why, for people.
fn outcome(
    from: Step,
    event: &Event,
    to: &Upgrade,
    verdict: Option<Verdict>,
) -> (&'static str, String) {
    match (from, event) {
        (Step::Settling, Event::Settled) => match verdict {
            Some(Verdict::Commit) => ("committed", String::new()),
            Some(Verdict::Reject(reason)) => ("rejected", reason.text().to_owned()),
            Some(Verdict::Overtaken) => ("overtaken", String::new()),
            _ => ("withdrawn", String::new()),
        },
        (_, Event::Failed { .. } | Event::NotStarted) => ("failed", String::new()),
        (_, Event::Spoiled) => ("spoiled", String::new()),
        (_, Event::Blocked { why, .. }) => ("", why.to_string()),
        _ if to.step() == Step::Leaving => ("handed-over", String::new()),
        _ => ("", String::new()),
    }
}

const fn phase(step: Step) -> Phase {
    match step {
        Step::Idle => Phase::Idle,
        Step::Checking => Phase::Checking,
        Step::Downloading => Phase::Downloading,
        Step::Staging => Phase::Staging,
        Step::Waiting => Phase::Waiting,
        Step::Arming => Phase::Arming,
        Step::Trying => Phase::Trial,
        Step::Settling => Phase::Settling,
        Step::Leaving => Phase::Leaving,
    }
}

fn trouble(class: &str, code: &str, detail: &str) -> LastError {
    LastError {
        class: class.to_owned(),
        code: code.replace(' ', "-"),
        detail: detail.to_owned(),
        at: Some(Timestamp::now()),
    }
}
