//! The choice made durable: what [`crate::pick`] decided is on disk before anything is started.

use std::path::PathBuf;

use shared_handover::layout::Component;
use shared_slots::{Damage, Digest, EntryError, Moment, OsFs, Page, Role, WriteError};

use crate::factory::{Factory, NoLauncher};
use crate::host::Host;
use crate::pick::{self, Finding, Note};

/// A version that may be started, now.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) digest: Digest,
    pub(crate) path: PathBuf,
    /// "trial", "committed", "previous" or "factory".
    pub(crate) role: &'static str,
    pub(crate) on_trial: bool,
}

impl Host {
    /// Chooses a version other than those in `unusable`, which would not start a moment ago.
    pub(crate) fn choose(&mut self, unusable: &[Digest]) -> Result<Chosen, NoLauncher> {
        let page = self.read_slot();
        let picked = pick::pick(page.clone(), Moment::read(&OsFs), |digest| {
            self.look(digest, unusable)
        });
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
            None => self.choose_factory(unusable),
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
            self.log.say(format_args!(
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
        })
    }

    fn choose_factory(&mut self, unusable: &[Digest]) -> Result<Chosen, NoLauncher> {
        let digest = Factory::find(self.options.launcher.as_deref())?.seal(&self.store)?;
        if unusable.contains(&digest) || self.look(digest, unusable) != Finding::Whole {
            return Err(NoLauncher::WouldNotStart);
        }
        // One that is committed stays so: it is only out of order now. And not being durable is no
        // harm, for the same is found the next time.
        self.judge(&|page, _| match page.committed() {
            None => page.adopt_factory(digest).ok(),
            Some(_) => None,
        });
        Ok(Chosen {
            digest,
            path: self.launcher_file(digest),
            role: "factory",
            on_trial: false,
        })
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
            self.log
                .say(format_args!("{page} {how}: going by the other page"));
        }
        reading.page
    }

    fn look(&self, digest: Digest, unusable: &[Digest]) -> Finding {
        if unusable.contains(&digest) {
            return Finding::Unusable;
        }
        match self.store.verified(digest, Component::Launcher.name()) {
            Ok(_) => Finding::Whole,
            Err(EntryError::Missing | EntryError::Corrupt { .. }) => Finding::Lost,
            Err(EntryError::Io(_)) => Finding::Unusable,
        }
    }

    fn tell(&mut self, note: Note) {
        match note {
            Note::TriesUsedUp(digest) => self.log.say(format_args!(
                "launcher {digest} is given up: all its tries ended before it was healthy"
            )),
            Note::Lost(digest, role) => {
                let role = role.name();
                self.log.say(format_args!(
                    "the {role} launcher {digest} is lost: its file is missing or has changed"
                ));
                // Out of the way, so that it can be downloaded again.
                if let Err(error) = self.store.quarantine(digest) {
                    self.log.say(format_args!("cannot put it aside: {error}"));
                }
            }
        }
    }

    fn launcher_file(&self, digest: Digest) -> PathBuf {
        self.store.folder(digest).join(Component::Launcher.name())
    }
}
