//! The choice made durable: what [`crate::pick`] decided is on disk before anything is started.

use std::path::PathBuf;

use shared_handover::layout::Component;
use shared_slots::{Damage, Digest, EntryError, Fs as _, Moment, OsFs, Page, Role, WriteError};

use crate::crash_loop::Turn;
use crate::factory::{Factory, NoLauncher};
use crate::host::{Host, Judged};
use crate::judge;
use crate::pick::{self, Finding, Note, Picked};
use crate::try_record::OpenTry;

/// How often a version that cannot be read is looked at before it is passed over.
const LOOKS: u32 = 2;

/// A version that may be started, now.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) digest: Digest,
    pub(crate) path: PathBuf,
    /// "trial", "committed", "previous", "factory" or "stored".
    pub(crate) role: &'static str,
    pub(crate) on_trial: bool,
    /// Whether its task is to fetch another release, because what is installed crashes.
    pub(crate) rescue: bool,
}

impl Host {
    /// Chooses a version other than those in `unusable`, which would not start a moment ago.
    pub(crate) fn choose(&mut self, unusable: &[Digest]) -> Result<Chosen, NoLauncher> {
        let page = self.read_slot();
        let on_trial = page.trial().is_some_and(|trial| trial.tries_left > 0);
        if matches!(self.row.turn(), Turn::Rescue { .. }) && !on_trial {
            match self.choose_factory(unusable) {
                Ok(chosen) => {
                    return Ok(Chosen {
                        rescue: true,
                        ..chosen
                    });
                }
                Err(none) => self.say(format_args!("no rescue: {none}")),
            }
        }
        let now = Moment::read(&OsFs);
        let picked = self.pick(page.clone(), now, unusable);
        for note in &picked.notes {
            self.tell(*note);
        }
        let written = if picked.page == page {
            Ok(())
        } else {
            self.write(picked.page)
        };
        match picked.start {
            Some((digest, role)) => self.allow(digest, role, &written, unusable),
            None => self
                .choose_factory(unusable)
                .or_else(|none| self.choose_stored(unusable).ok_or(none)),
        }
    }

    /// Picks a version. A trial is written down before its page says that it has a try less.
    fn pick(&mut self, page: Page, now: Moment, unusable: &[Digest]) -> Picked {
        let find = |digest| self.look(digest, unusable);
        let Some(trial) = page
            .trial()
            .filter(|trial| !unusable.contains(&trial.digest))
        else {
            return pick::pick(page, now, find);
        };
        let (open, gives_back) = OpenTry::next(self.tries.read(), trial.digest, now.boot);
        let recorded = self.tries.write(open);
        let restored = judge::not_to_blame(page.clone(), trial.digest);
        match restored.filter(|_| gives_back && recorded) {
            Some(restored) => {
                let picked = pick::pick(restored, now, find);
                self.say(format_args!(
                    "the host went down during a try of launcher {}: the try does not count",
                    trial.digest
                ));
                picked
            }
            None => pick::pick(page, now, find),
        }
    }

    /// A trial that is not counted on disk is not started. Anything else is: a disk that cannot be
    /// written must not stop what is installed.
    fn allow(
        &mut self,
        digest: Digest,
        role: Role,
        written: &Result<(), WriteError>,
        unusable: &[Digest],
    ) -> Result<Chosen, NoLauncher> {
        if role == Role::Trial && written.is_err() {
            self.say(format_args!(
                "the trial is not started, for it cannot be counted"
            ));
            let without: Vec<_> = unusable.iter().copied().chain([digest]).collect();
            return self.choose(&without);
        }
        Ok(Chosen {
            digest,
            path: self.launcher_file(digest),
            role: role.name(),
            on_trial: role == Role::Trial,
            rescue: false,
        })
    }

    fn choose_factory(&mut self, unusable: &[Digest]) -> Result<Chosen, NoLauncher> {
        // Somebody may have removed all of it; what cannot be made now fails below.
        let _ = OsFs.create_private_dir("choose.create-state", self.state.root());
        let _ = self.store.create();
        let digest = Factory::find(self.options.launcher.as_deref())?.seal(&self.store)?;
        if self.look(digest, unusable) != Finding::Whole {
            return Err(NoLauncher::WouldNotStart);
        }
        Ok(self.stand_in(digest, "factory"))
    }

    /// The newest launcher in the store that is whole, when no page names one and the factory
    /// launcher cannot be had: better than none.
    fn choose_stored(&mut self, unusable: &[Digest]) -> Option<Chosen> {
        let mut stored: Vec<_> = self.store.list().ok()?.into_iter().collect();
        stored.retain(|(_, meta)| meta.component == Component::Launcher.name());
        stored.sort_by_key(|(_, meta)| std::cmp::Reverse(meta.serial));
        let whole = stored
            .iter()
            .find(|(digest, _)| self.look(*digest, unusable) == Finding::Whole);
        let (digest, _) = whole?;
        Some(self.stand_in(*digest, "stored"))
    }

    fn stand_in(&mut self, digest: Digest, role: &'static str) -> Chosen {
        self.unadopted = Some(digest);
        self.settle_stand_in();
        Chosen {
            digest,
            path: self.launcher_file(digest),
            role,
            on_trial: false,
            rescue: false,
        }
    }

    /// Commits who stands in where nothing is committed, if that is not done yet. One that is
    /// committed stays so: it is only out of order now.
    pub(crate) fn settle_stand_in(&mut self) {
        let Some(digest) = self.unadopted else { return };
        let judged = self.judge(&|page, _| match page.committed() {
            None => page.adopt_factory(digest).ok(),
            Some(_) => None,
        });
        match judged {
            // Not being durable does no harm yet: it runs all the same.
            Judged::Failed => return,
            Judged::Unchanged => {}
            Judged::Written => {
                self.say(format_args!(
                    "launcher {digest} is committed: there is no other"
                ));
            }
        }
        self.unadopted = None;
    }

    fn read_slot(&mut self) -> Page {
        let reading = self.slot.read();
        for (path, damage) in self
            .state
            .pages(Component::Launcher)
            .iter()
            .zip(reading.damage)
        {
            let how = match damage {
                None | Some(Damage::Blank) => continue,
                Some(Damage::Unreadable) => "cannot be read",
                Some(Damage::Garbled) => "is torn or garbled",
                Some(Damage::Format(_)) => "is of a format this version does not know",
            };
            let page = path.display();
            self.say(format_args!("{page} {how}: going by the other page"));
        }
        reading.page
    }

    fn look(&self, digest: Digest, unusable: &[Digest]) -> Finding {
        if unusable.contains(&digest) {
            return Finding::Unusable;
        }
        // An error of the moment must not bring another version to run: that one stays for long.
        for _ in 0..LOOKS {
            match self.store.verified(digest, Component::Launcher.name()) {
                Ok(_) => return Finding::Whole,
                Err(EntryError::Missing | EntryError::Corrupt { .. }) => return Finding::Lost,
                Err(EntryError::Io(_)) => {}
            }
        }
        Finding::Unusable
    }

    fn tell(&mut self, note: Note) {
        match note {
            Note::TriesUsedUp(digest) => self.say(format_args!(
                "launcher {digest} is given up: all its tries ended before it was healthy"
            )),
            Note::Lost(digest, role) => {
                let role = role.name();
                self.say(format_args!(
                    "the {role} launcher {digest} is lost: its file is missing or has changed"
                ));
                // Out of the way, so that it can be downloaded again.
                if let Err(error) = self.store.quarantine(digest) {
                    self.say(format_args!("cannot put it aside: {error}"));
                }
            }
        }
    }

    fn launcher_file(&self, digest: Digest) -> PathBuf {
        self.store.folder(digest).join(Component::Launcher.name())
    }
}
