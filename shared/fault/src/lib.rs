//! Named points at every boundary to the operating system, where a test can make things go wrong.
//!
//! A power cut, a full disk and a kill can come between any two calls. Each call that touches the
//! disk, a process or a socket therefore stands behind [`point`] with a name of its own, and
//! `cargo xtask torture` visits them all. Without the feature `faults` a point is nothing: it costs
//! no byte and no time in a release.
//!
//! With the feature, the environment decides; a process without these variables is not disturbed.
//!
//! | variable | meaning |
//! |---|---|
//! | `TRIREME_FAULT` | `<component>/<point>:<action>:<hit>`, such as `launcher/slot.write:kill:2` |
//! | `TRIREME_FAULT_HITS` | file that counts the hits, one byte each, across restarts and processes |
//! | `TRIREME_FAULT_TRACE` | file that gets a line `<component>/<point>` for each point passed |
//!
//! A fault strikes exactly once: when the hit with its number comes. It must not be used to inject
//! anything but what an operating system could do.

#[cfg(feature = "faults")]
mod plan;

use std::io;

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The process dies as by SIGKILL: nothing is flushed, no destructor runs.
    Kill,
    /// The process ends with exit code 1.
    Exit,
    /// The call fails with an input/output error.
    Eio,
    /// The call fails because the disk is full.
    Enospc,
    /// The call fails because it is not permitted.
    Eacces,
    /// The call takes half a second.
    Delay,
    /// A write stops half way and says so; at any other call the same as [`Action::Eio`].
    Short,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Kill,
        Self::Exit,
        Self::Eio,
        Self::Enospc,
        Self::Eacces,
        Self::Delay,
        Self::Short,
    ];

    /// The name in `TRIREME_FAULT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Exit => "exit",
            Self::Eio => "eio",
            Self::Enospc => "enospc",
            Self::Eacces => "eacces",
            Self::Delay => "delay",
            Self::Short => "short",
        }
    }
}

/// Says which component this process is. To be called first in `main`; until then no point strikes.
#[cfg(feature = "faults")]
pub fn begin(component: &'static str) {
    plan::begin(component);
}

/// Nothing, in a release.
#[cfg(not(feature = "faults"))]
pub fn begin(_component: &'static str) {}

/// A boundary to the operating system is about to be crossed. To stand right before each such
/// call, with a name that stands nowhere else; its error is to be treated as the call's own.
#[cfg(feature = "faults")]
pub fn point(at: &'static str) -> io::Result<()> {
    plan::pass(at, None)
}

/// Nothing, in a release.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn point(_at: &'static str) -> io::Result<()> {
    Ok(())
}

/// As [`point`], before a write. A short write puts `first_half` where the rest would have gone,
/// and then fails: what a caller finds after a crash in the middle of its own write.
#[cfg(feature = "faults")]
pub fn write_point(
    at: &'static str,
    first_half: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    plan::pass(at, Some(Box::new(first_half)))
}

/// Nothing, in a release.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn write_point(
    _at: &'static str,
    _first_half: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    Ok(())
}
