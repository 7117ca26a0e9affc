//! What systemd hears of a service: that it is ready, what it does, that it stops, that it lives.
//!
//! Who are the two? The agent, when systemd itself started it, and else the launcher, which speaks
//! for all three tiers. Each says how the service stands, whenever that may have changed; what is
//! new of it is sent. Nothing here waits: a systemd that does not listen just now hears it later.
//!
//! Messages are those of sd_notify(3). Elsewhere than on Unix nobody is ever found.

mod os;
mod standing;

use std::ffi::OsString;
use std::io;
use std::time::Duration;

pub use standing::{Standing, work};

/// By which systemd tells a service where it listens, and how often it wants to hear that the
/// service lives. For the one process that speaks: whatever that one starts must not have them.
pub const VARIABLES: [&str; 3] = [SOCKET, WATCHDOG, WATCHDOG_PID];

const SOCKET: &str = "NOTIFY_SOCKET";
const WATCHDOG: &str = "WATCHDOG_USEC";
const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// How long after a message that systemd did not take the next try is due.
pub const RETRY: Duration = Duration::from_secs(1);

/// systemd watches, but nobody can tell it anything.
#[derive(Debug, thiserror::Error)]
#[error("WATCHDOG_USEC is set without NOTIFY_SOCKET; set NotifyAccess= in the service's unit")]
pub struct Deaf;

/// A systemd that listens.
#[derive(Debug)]
pub struct Systemd {
    socket: OsString,
    watchdog: Option<Duration>,
    told: Standing,
    /// Whether there is something that it did not take.
    owes: bool,
    /// Whether it did not take the last sign of life.
    starves: bool,
}

impl Systemd {
    /// The one that the environment names, if it does. Its watchdog counts only where it is meant
    /// for one of these processes.
    ///
    /// # Errors
    /// When it watches one of them, and cannot be told anything.
    pub fn find(processes: &[u32]) -> Result<Option<Self>, Deaf> {
        Self::of(processes, |name| std::env::var_os(name))
    }

    fn of(
        processes: &[u32],
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Self>, Deaf> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        let is_meant = variable(WATCHDOG_PID).is_none()
            || number(WATCHDOG_PID)
                .is_some_and(|pid| processes.iter().any(|process| u64::from(*process) == pid));
        let watchdog = number(WATCHDOG).filter(|every| *every > 0 && is_meant);
        let watchdog = watchdog.map(Duration::from_micros);
        match variable(SOCKET).filter(|_| cfg!(unix)) {
            Some(socket) => Ok(Some(Self::at(socket, watchdog))),
            None if watchdog.is_some() => Err(Deaf),
            None => Ok(None),
        }
    }

    /// One that listens there, and that may watch the service.
    pub fn at(socket: OsString, watchdog: Option<Duration>) -> Self {
        Self {
            socket,
            watchdog,
            told: Standing::default(),
            owes: false,
            starves: false,
        }
    }

    /// After how long without [`Self::feed`] it ends the service, if it watches it.
    pub const fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Lets a start that is not ready yet take that long from now on, if it may not take longer
    /// anyway.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn extend_start(&self, by: Duration) -> io::Result<()> {
        self.send(&format!("EXTEND_TIMEOUT_USEC={}\n", by.as_micros()))
    }

    /// Tells it what is new. What it does not take is owed: it is to be told again after [`RETRY`].
    /// The first error of a row comes back, for a line in a log.
    pub fn tell(&mut self, standing: Standing) -> Option<io::Error> {
        let news = standing.news(&self.told);
        if news.is_empty() {
            self.owes = false;
            return None;
        }
        let error = self.send(&news).err();
        let failed = std::mem::replace(&mut self.owes, error.is_some());
        if error.is_none() {
            self.told = standing;
        }
        error.filter(|_| !failed)
    }

    /// Whether something is to be told again.
    pub const fn owes(&self) -> bool {
        self.owes
    }

    /// Tells its watchdog that the service lives. The first error of a row comes back.
    pub fn feed(&mut self) -> Option<io::Error> {
        let error = self.send("WATCHDOG=1\n").err();
        let failed = std::mem::replace(&mut self.starves, error.is_some());
        error.filter(|_| !failed)
    }

    /// In how long to feed its watchdog, if it has one: half of its time after a message that it
    /// took, for two of them must not be missed.
    pub fn feed_in(&self) -> Option<Duration> {
        let half = self.watchdog? / 2;
        Some(if self.starves { half.min(RETRY) } else { half })
    }

    fn send(&self, news: &str) -> io::Result<()> {
        os::send(&self.socket, news.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Result<Option<Systemd>, Deaf> {
        Systemd::of(&[7, 8], |name| {
            let of_name = |(of, _): &&(&str, &str)| *of == name;
            variables
                .iter()
                .find(of_name)
                .map(|(_, value)| value.into())
        })
    }

    #[cfg(unix)]
    #[test]
    fn it_is_found_by_its_socket_and_its_watchdog_by_whom_it_watches() {
        let (socket, minute) = ((SOCKET, "/run/s"), (WATCHDOG, "60000000"));
        for (variables, watches) in [
            (&[socket][..], false),
            (&[socket, minute], true),
            (&[socket, minute, (WATCHDOG_PID, "7")], true),
            (&[socket, minute, (WATCHDOG_PID, "8")], true),
            (&[socket, minute, (WATCHDOG_PID, "9")], false),
            (&[socket, (WATCHDOG, "0")], false),
        ] {
            let systemd = found(variables).unwrap().unwrap();
            assert_eq!(systemd.watchdog().is_some(), watches, "{variables:?}");
        }
        for nobody in [&[][..], &[(SOCKET, "")], &[minute, (WATCHDOG_PID, "9")]] {
            assert!(found(nobody).unwrap().is_none(), "{nobody:?}");
        }
        assert!(found(&[minute]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_taken_is_owed_and_the_trouble_said_once() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("notify");
        let minute = Some(Duration::from_mins(1));
        let mut systemd = Systemd::at(socket.clone().into(), minute);
        let ready = Standing {
            ready: true,
            ..Standing::default()
        };
        assert!(systemd.tell(ready.clone()).is_some());
        assert!(systemd.tell(ready.clone()).is_none() && systemd.owes());
        assert!(systemd.feed().is_some() && systemd.feed().is_none());
        assert_eq!(systemd.feed_in(), Some(RETRY));
        let ear = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
        assert!(systemd.tell(ready).is_none() && !systemd.owes());
        let mut heard = [0; 64];
        let count = ear.recv(&mut heard).unwrap();
        assert_eq!(&heard[..count], b"READY=1\n");
        assert!(systemd.feed().is_none());
        assert_eq!(systemd.feed_in(), Some(Duration::from_secs(30)));
    }
}
