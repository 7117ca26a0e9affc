//! Starting a launcher.

use std::process::{Command, Stdio};

use shared_slots::{Digest, Reason};
use shared_supervise::{Child, is_shortage, own_session};

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
            match Child::start(&mut self.command(&chosen)) {
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

    fn command(&self, chosen: &Chosen) -> Command {
        let mut command = Command::new(&chosen.path);
        command
            .arg("run")
            .arg("--state-dir")
            .arg(self.state.root())
            .args(&self.options.launcher_args)
            .env("TRIREME_BOOTSTRAPPER_VERSION", self.stamp)
            .env("TRIREME_BOOTSTRAPPER_PID", std::process::id().to_string())
            // Never written to: it ends when we do, however that happens.
            .stdin(Stdio::piped())
            // The report pipe.
            .stdout(Stdio::piped());
        // Else Ctrl-C would reach it past us, and count as a second signal.
        own_session(&mut command);
        command
    }
}
