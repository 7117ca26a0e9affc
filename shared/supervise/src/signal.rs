//! The signals that tiers send, forward and wait for.

#[cfg(target_os = "macos")]
const STOP: i32 = 17;
#[cfg(not(target_os = "macos"))]
const STOP: i32 = 19;

/// Notes that a child has ended; the number of SIGCHLD.
#[cfg(target_os = "macos")]
pub(crate) const CHILD_EXITED: i32 = 20;
#[cfg(not(target_os = "macos"))]
pub(crate) const CHILD_EXITED: i32 = 17;

/// A signal. Closed on purpose: a tier has no business with any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// The terminal is gone.
    Hangup,
    /// Ctrl-C.
    Interrupt,
    /// Please end.
    Terminate,
    /// Hold still: no more instructions, no more children.
    Stop,
    /// End now.
    Kill,
}

impl Signal {
    /// Every signal of this type.
    pub const ALL: [Self; 5] = [
        Self::Hangup,
        Self::Interrupt,
        Self::Terminate,
        Self::Stop,
        Self::Kill,
    ];

    /// The operating system's number; on Windows, which has none, that of Linux.
    pub const fn number(self) -> i32 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
            Self::Stop => STOP,
            Self::Kill => 9,
        }
    }

    /// The signal with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|signal| signal.number() == number)
    }

    /// The name as people know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::Stop => "SIGSTOP",
            Self::Kill => "SIGKILL",
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_this_system() {
        let numbers = Signal::ALL.map(Signal::number);
        let expected = [
            libc::SIGHUP,
            libc::SIGINT,
            libc::SIGTERM,
            libc::SIGSTOP,
            libc::SIGKILL,
        ];
        assert_eq!(numbers, expected);
        assert_eq!(CHILD_EXITED, libc::SIGCHLD);
    }
}
