//! What the operating systems do differently: the same functions, one file each. Linux and macOS
//! share `unix`, but for how they say that a volume lets no program start.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{USUAL_STATE_DIR, access, connect, give_to_owner_of};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::refuses_programs;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
pub(crate) use macos::refuses_programs;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::{USUAL_STATE_DIR, access, connect, give_to_owner_of, refuses_programs};

/// Who may do what in a folder.
#[derive(Debug)]
pub(crate) struct Access {
    /// What the system says, for people.
    pub(crate) text: String,
    /// What is not as it should be.
    pub(crate) flaw: Option<Flaw>,
}

/// What can be wrong with who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(windows, expect(dead_code, reason = "access lists are not looked at"))]
pub(crate) enum Flaw {
    /// Others can write.
    Writable,
    /// Others can look in.
    Readable,
    /// It belongs to somebody else, and we are not the one who may do anything.
    Foreign,
}
