//! Signals by name, as settings and the endpoint spell them.

use std::fmt;

/// A signal that may be sent to a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(rustix::process::Signal);

/// The names that settings accept and results are reported with.
const NAMES: &[(&str, rustix::process::Signal)] = &[
    ("SIGHUP", rustix::process::Signal::HUP),
    ("SIGINT", rustix::process::Signal::INT),
    ("SIGQUIT", rustix::process::Signal::QUIT),
    ("SIGABRT", rustix::process::Signal::ABORT),
    ("SIGKILL", rustix::process::Signal::KILL),
    ("SIGUSR1", rustix::process::Signal::USR1),
    ("SIGUSR2", rustix::process::Signal::USR2),
    ("SIGTERM", rustix::process::Signal::TERM),
];

/// Names of further signals that can end a child but are never sent by us.
const ONLY_REPORTED: &[(&str, i32)] = &[
    ("SIGILL", libc::SIGILL),
    ("SIGTRAP", libc::SIGTRAP),
    ("SIGBUS", libc::SIGBUS),
    ("SIGFPE", libc::SIGFPE),
    ("SIGSEGV", libc::SIGSEGV),
    ("SIGPIPE", libc::SIGPIPE),
    ("SIGALRM", libc::SIGALRM),
    ("SIGXCPU", libc::SIGXCPU),
    ("SIGXFSZ", libc::SIGXFSZ),
    ("SIGVTALRM", libc::SIGVTALRM),
    ("SIGPROF", libc::SIGPROF),
    ("SIGSYS", libc::SIGSYS),
];

impl Signal {
    /// Hang-up.
    pub const HUP: Self = Self(rustix::process::Signal::HUP);
    /// Interrupt, as from the keyboard.
    pub const INT: Self = Self(rustix::process::Signal::INT);
    /// Quit, as from the keyboard.
    pub const QUIT: Self = Self(rustix::process::Signal::QUIT);
    /// The end nobody can refuse.
    pub const KILL: Self = Self(rustix::process::Signal::KILL);
    /// The polite end.
    pub const TERM: Self = Self(rustix::process::Signal::TERM);

    /// The signal of a name such as `SIGTERM` or `TERM`, in any case; `None` if it is not one that
    /// settings may name.
    pub fn from_name(name: &str) -> Option<Self> {
        let upper = name.trim().to_ascii_uppercase();
        let short = upper.strip_prefix("SIG").unwrap_or(&upper);
        NAMES
            .iter()
            .find(|(known, _)| known.strip_prefix("SIG") == Some(short))
            .map(|(_, signal)| Self(*signal))
    }

    /// The operating system's number.
    pub fn number(self) -> i32 {
        self.0.as_raw()
    }

    /// The name of any signal number, such as `SIGSEGV`; its digits where it has none, as endpoints
    /// know it from the peer.
    pub fn name_of(number: i32) -> String {
        NAMES
            .iter()
            .map(|(name, signal)| (*name, signal.as_raw()))
            .chain(ONLY_REPORTED.iter().copied())
            .find(|(_, known)| *known == number)
            .map_or_else(|| number.to_string(), |(name, _)| name.to_owned())
    }

    pub(crate) fn raw(self) -> rustix::process::Signal {
        self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Self::name_of(self.number()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_understood_with_and_without_its_prefix_and_in_any_case() {
        for text in ["SIGTERM", "TERM", "sigterm", " term "] {
            assert_eq!(Signal::from_name(text), Some(Signal::TERM), "{text:?}");
        }
        for text in ["", "SIG", "SIGSTOP", "15", "SIGSIGTERM"] {
            assert_eq!(Signal::from_name(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_signal_is_shown_by_the_name_it_is_set_with() {
        for (name, signal) in NAMES {
            assert_eq!(Signal::from_name(name), Some(Signal(*signal)));
            assert_eq!(Signal(*signal).to_string(), *name);
        }
        assert_eq!(Signal::name_of(libc::SIGSEGV), "SIGSEGV");
        assert_eq!(Signal::name_of(40), "40");
    }
}
