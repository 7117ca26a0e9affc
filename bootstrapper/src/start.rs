//! Starting a launcher.

use std::ffi::{OsStr, OsString};
use std::io;

use shared_slots::{Digest, Reason};
use shared_supervise::{Child, is_shortage};

use crate::choose::Chosen;
use crate::crash_loop::Turn;
use crate::factory::NoLauncher;
use crate::host::{Host, Judged};
use crate::judge;
use crate::leftovers;

impl Host {
    /// Chooses a version and starts it; goes on to the next best as long as one does not start.
    pub(crate) fn start(&mut self) -> Result<(Chosen, Child), NoLauncher> {
        self.settle();
        self.take_turn();
        let mut unusable: Vec<Digest> = Vec::new();
        loop {
            let chosen = self.choose(&unusable)?;
            match self.run(&chosen) {
                Ok(child) => {
                    let Chosen { role, digest, .. } = &chosen;
                    let pid = child.id.pid;
                    self.say(format_args!(
                        "{role} launcher {digest} runs as process {pid}"
                    ));
                    return Ok((chosen, child));
                }
                Err(error) => {
                    let Chosen { role, digest, .. } = &chosen;
                    self.say(format_args!(
                        "{role} launcher {digest} does not start: {error}"
                    ));
                    // Another version would fare no better, and this one is not to blame.
                    if is_shortage(&error) {
                        return Err(NoLauncher::Shortage(error));
                    }
                    let digest = chosen.digest;
                    // Where files may not be executed at all, that is no version's fault.
                    if error.kind() != io::ErrorKind::PermissionDenied {
                        self.judge(&|page, now| {
                            judge::failed(page, digest, Reason::WouldNotStart, now)
                        });
                    }
                    unusable.push(digest);
                }
            }
        }
    }

    /// Whoever has the turn in a crash loop gets ready for it.
    fn take_turn(&mut self) {
        let now = self.time();
        self.row = self.row.clone().looked_at(now);
        if self.row.turn() != Turn::Previous {
            return;
        }
        let page = self.slot.read().page;
        let crashed = page.committed();
        if page.trial().is_some() {
            return;
        }
        match self.judge(&judge::fall_back) {
            Judged::Written => {
                self.crashed = crashed;
                self.say(format_args!(
                    "the committed launcher ends again and again: trying the one before it"
                ));
            }
            Judged::Unchanged => self.row = self.row.clone().has_none(now),
            // The slot's turn goes on until the page can be written.
            Judged::Failed => {}
        }
    }

    /// In a session of its own, else Ctrl-C would reach it past us and count as a second signal.
    /// Its standard input is never written to and ends when we do, however that happens; its
    /// standard output is the report pipe.
    fn run(&self, chosen: &Chosen) -> io::Result<Child> {
        let mut args: Vec<&OsStr> = vec![
            "run".as_ref(),
            "--state-dir".as_ref(),
            self.state.root().as_ref(),
        ];
        args.extend(self.options.launcher_args.iter().map(OsString::as_os_str));
        let version = format!("TRIREME_BOOTSTRAPPER_VERSION={}", self.stamp);
        let pid = format!("TRIREME_BOOTSTRAPPER_PID={}", std::process::id());
        let rescue = format!("TRIREME_RESCUE={}", u8::from(chosen.rescue));
        let folder = leftovers::mark(self.state.root());
        let variables = [
            version.as_ref(),
            pid.as_ref(),
            rescue.as_ref(),
            folder.as_os_str(),
        ];
        Child::start(&chosen.path, &args, &variables)
    }
}
