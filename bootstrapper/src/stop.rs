//! The way out: nothing is left running, and no job is killed before its time.

use std::io;
use std::time::{Duration, Instant};

use shared_handover::exit::Exit;
use shared_handover::handle::Handle;
use shared_slots::{Fs as _, OsFs};
use shared_supervise::{Event, ExitFile, ProcessId, Signal, descendants, kill_tree, wait_gone};

use crate::clock;
use crate::host::Host;
use crate::watch::reap_all;

/// How long to wait for processes that were killed; they only take longer when a disk hangs.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// How often to look for processes that were started while others were killed.
const KILL_ROUNDS: u32 = 20;

/// How often to look where the kernel cannot tell that an agent is gone.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Longest handle that is read, in bytes.
const HANDLE_MOST: u64 = 4096;

impl Host {
    /// The launcher is gone and this process is to stop. Agents that still run get the rest of the
    /// time to finish their jobs; whatever else is left is killed.
    pub(crate) fn stop(&mut self, by: Instant) -> Exit {
        let mut tell = true;
        loop {
            reap_all(0);
            let left = by.saturating_duration_since(clock::now());
            let known = self.agents();
            let nobody = known.as_ref().is_ok_and(Vec::is_empty);
            let agents = known.unwrap_or_default();
            if nobody || left.is_zero() {
                self.kill_all();
                self.say(format_args!("stopped"));
                let in_time = !left.is_zero();
                return if in_time {
                    Exit::Success
                } else {
                    Exit::Failure
                };
            }
            for agent in agents.iter().filter(|_| tell) {
                let pid = agent.pid;
                self.say(format_args!("telling the agent, process {pid}, to stop"));
                // One that is gone already is noticed in the next round.
                let _ = agent.send(Signal::Terminate);
            }
            // Agents that could not be read the first time are told when they are found.
            let told = !agents.is_empty();
            tell = matches!(self.wait_for(&agents, left), Event::Signal(_)) || (tell && !told);
        }
    }

    fn wait_for(&mut self, agents: &[ProcessId], left: Duration) -> Event {
        let exits: Vec<_> = agents
            .iter()
            .filter_map(|agent| agent.exit_file())
            .collect();
        let watched: Vec<_> = exits.iter().map(ExitFile::watched).collect();
        let limit = if watched.len() == agents.len() && !agents.is_empty() {
            left
        } else {
            left.min(LOOK_AGAIN)
        };
        self.wait(&watched, Some(limit))
    }

    /// Kills everything below this process, and every agent of this folder with everything below
    /// it. Nothing of it is left when this returns, unless the kernel does not let go of it.
    pub(crate) fn kill_all(&mut self) {
        for _ in 0..KILL_ROUNDS {
            // What is below a process that cannot be told is not known; the agents are.
            let below = ProcessId::own().map(|own| descendants(&[own]));
            let roots: Vec<_> = below
                .unwrap_or_default()
                .into_iter()
                .chain(self.agents().unwrap_or_default())
                .collect();
            let killed = kill_tree(&roots);
            if killed.is_empty() {
                return;
            }
            for process in &killed {
                let pid = process.pid;
                self.say(format_args!("killed process {pid}"));
            }
            wait_gone(&killed, KILL_PATIENCE);
        }
    }

    /// The agents of this folder that run: those whose handles name a process that still is the
    /// one it was. An agent may have been started under an earlier bootstrapper.
    ///
    /// # Errors
    /// When some of them cannot be read now; there may be others then.
    pub(crate) fn agents(&self) -> io::Result<Vec<ProcessId>> {
        let mut agents = Vec::new();
        for name in found(OsFs.list("stop.list", &self.state.run()))?.unwrap_or_default() {
            let path = self.state.run().join(name);
            // Sockets, the other kind of file in there, cannot be read.
            if path.extension().is_some() {
                continue;
            }
            let text = found(OsFs.read("stop.read", &path, HANDLE_MOST))?.unwrap_or_default();
            if let Some(Handle { pid, start, .. }) = Handle::decode(&String::from_utf8_lossy(&text))
            {
                let agent = ProcessId { pid, start };
                if agent.is_same_alive() {
                    agents.push(agent);
                }
            }
        }
        Ok(agents)
    }
}

/// `None` for what is not there.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
