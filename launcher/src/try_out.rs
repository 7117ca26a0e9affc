//! The steps that decide about a version: its counted start on trial, the verdict on the page, and the
//! clean-up after it. Each is an effect of [`crate::upgrade`]; the judging is in [`crate::step_watch`].

use shared_handover::layout::Component;
use shared_slots::{Digest, Reason};
use tracing::{error, info, warn};

use crate::hand_over::{Gap, Switch};
use crate::perform::Host;
use crate::step_switch::{self, Prepared};
use crate::upgrade::{Event, Verdict};
use crate::{roll_back, sweep};

impl Host<'_> {
    pub(crate) fn start_trial(&mut self, digest: Digest) -> Option<Event> {
        self.switching = self.agent_page.committed().map(|committed| Switch {
            from: self.version_of(Some(committed)),
            to: digest,
            gap: Gap::default(),
        });
        if self.crew.of(Some(digest)).is_some() {
            return None;
        }
        if self.is_revoked(digest) {
            warn!(version = %self.version_of(Some(digest)), "the version on trial was taken back");
            return Some(Event::Judged(Verdict::Withdraw));
        }
        let pages = [&self.launcher_slot.read().page, &self.agent_page];
        if !self.has_no_agent() && self.effort.is_spent(self.serial(), pages) {
            warn!(version = %self.version_of(Some(digest)), "the version on trial was begun too often without a commit");
            return Some(Event::Judged(Verdict::Withdraw));
        }
        let name = Component::Agent.name();
        self.outward.tried(Component::Agent);
        let prepared = step_switch::prepare(&self.agent_slot, &self.store, digest, name);
        self.agent_page = self.agent_slot.read().page;
        match prepared {
            Prepared::Start(file) => match self.start_agent(&file, digest, "trial") {
                Ok(()) => None,
                Err(error) if error.blames_the_version() => {
                    error!(%error, version = %self.version_of(Some(digest)), "cannot start the agent on trial");
                    Some(Event::Judged(Verdict::Reject(Reason::WouldNotStart)))
                }
                Err(error) => {
                    self.give_try_back();
                    let version = self.version_of(Some(digest));
                    self.complain(
                        "cannot start the agent on trial",
                        &version,
                        &error.to_string(),
                    );
                    Some(Event::NotStarted)
                }
            },
            Prepared::Over(verdict) => Some(Event::Judged(verdict)),
            Prepared::NotCounted(error) => {
                self.complain("trial not started", "slot", &error.to_string());
                Some(Event::NotStarted)
            }
        }
    }

    /// Makes the verdict durable, then acts on it. To fall back is always done: the counted tries
    /// end a bad trial even if the page cannot be written now.
    pub(crate) fn settle(&mut self, digest: Digest, verdict: Verdict) -> Event {
        let settled = roll_back::settle(&self.agent_slot, verdict);
        match settled {
            Ok(page) => self.agent_page = page,
            Err(error) => {
                self.complain("verdict not written", "slot", &error.to_string());
                if verdict == Verdict::Commit {
                    return Event::Failed { rest: None };
                }
            }
        }
        let version = self.version_of(Some(digest));
        let back_to = self.version_of(self.agent_page.committed());
        self.note_verdict(digest, verdict);
        match verdict {
            Verdict::Commit => info!(%version, "agent committed"),
            Verdict::Reject(reason) if self.agent_page.committed().is_none() => {
                let news = self
                    .complaints
                    .is_news("first agent", &format!("{version} {}", reason.text()));
                if news {
                    warn!(%version, reason = reason.text(), "the first agent did not prove itself; it is tried again at least once a minute, and agent.log may say what is wrong");
                }
                self.crew.reject(digest);
            }
            Verdict::Reject(reason) => {
                warn!(%version, reason = reason.text(), %back_to, "agent rejected and rolled back");
                self.crew.reject(digest);
            }
            Verdict::Withdraw => warn!(%version, %back_to, "agent could not be proved; taken back"),
            Verdict::Overtaken => info!(%version, %back_to, "trial ended without a verdict"),
        }
        if self.agent_page.committed().is_some() {
            let serves = self.committed_serves();
            self.outward.goes_back(verdict, serves, self.now());
        }
        if verdict != Verdict::Commit {
            self.switching = None;
            self.restart_at = self.now();
        }
        Event::Settled
    }

    /// What the verdict means for the count of tries and for a crash loop.
    fn note_verdict(&mut self, digest: Digest, verdict: Verdict) {
        if verdict == Verdict::Commit {
            self.effort.ends();
            self.crash_loop.recovered();
        } else if verdict != Verdict::Overtaken && Some(digest) == self.agent_page.previous() {
            self.crash_loop.other_failed();
            if self.crash_loop.is_rescue() {
                error!(
                    "no installed agent runs; both are tried in turn until there is another one"
                );
            }
        }
    }

    /// A start on trial came to nothing for reasons outside of the version.
    pub(crate) fn give_try_back(&mut self) {
        match step_switch::give_try_back(&self.agent_slot) {
            Ok(page) => self.agent_page = page,
            Err(error) => warn!(%error, "cannot give the try back; one less is left"),
        }
    }

    /// Once after the start, when all is quiet: a launcher before this one may have been replaced or
    /// killed before its clean-up. Not before it is known which launcher stays.
    pub(crate) fn sweep_once(&mut self) {
        if self.unswept && !self.owes_report {
            self.sweep();
        }
    }

    pub(crate) fn sweep(&mut self) {
        self.unswept = false;
        if let Some(keep) = self.to_keep() {
            sweep::sweep(&self.store, &self.state, &keep);
        }
    }
}
