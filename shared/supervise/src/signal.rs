//! The signals that tiers send, forward and wait for.

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

    /// The operating system's number.
    pub const fn number(self) -> i32 {
        match self {
            Self::Hangup => libc::SIGHUP,
            Self::Interrupt => libc::SIGINT,
            Self::Terminate => libc::SIGTERM,
            Self::Stop => libc::SIGSTOP,
            Self::Kill => libc::SIGKILL,
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
