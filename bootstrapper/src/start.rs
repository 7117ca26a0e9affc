//! Starting a launcher.

use std::ffi::{OsStr, OsString};
use std::io;

use shared_slots::{Digest, Reason};
use shared_supervise::{Child, is_shortage};

use crate::choose::Chosen;
use crate::factory::NoLauncher;
use crate::host::Host;
use crate::judge;

impl Host {
    /// Chooses a version and starts it; goes on to the next best as long as one does not start.
    pub(crate) fn start(&mut self) -> Result<(Chosen, Child), NoLauncher> {
        let mut unusable: Vec<Digest> = Vec::new();
        loop {
            let chosen = self.choose(&unusable)?;
            match self.run(&chosen) {
                Ok(child) => {
                    let Chosen { role, digest, .. } = &chosen;
                    let pid = child.id.pid;
                    self.log.say(format_args!(
                        "{role} launcher {digest} runs as process {pid}"
                    ));
                    return Ok((chosen, child));
                }
                Err(error) => {
                    let Chosen { role, digest, .. } = &chosen;
                    self.log.say(format_args!(
                        "{role} launcher {digest} does not start: {error}"
                    ));
                    // Another version would fare no better, and this one is not to blame.
                    if is_shortage(&error) {
                        return Err(NoLauncher::Shortage(error));
                    }
                    let digest = chosen.digest;
                    self.judge(&|page, now| {
                        judge::failed(page, digest, Reason::WouldNotStart, now)
                    });
                    unusable.push(digest);
                }
            }
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
        Child::start(&chosen.path, &args, &[version.as_ref(), pid.as_ref()])
    }
}
