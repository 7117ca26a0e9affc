//! The C interface between the agent and its native plugins: types and numbers, no code.
//!
//! A plugin is a dynamic library of the platform that exports one function, [`ENTRY`]. The agent
//! calls it once, soon after its start; the function looks at the [`Host`] and fills the [`Plugin`].
//! Right before, a short-lived process of the agent does the same and asks for tags; a library that
//! hangs in that process or ends it is not loaded by the agent.
//!
//! The same in C is `include/trireme_plugin.h`; a test compiles it and compares every offset.
//!
//! # Who owns what
//!
//! | pointer | belongs to | valid |
//! |---|---|---|
//! | [`Host`] and all in it | agent | until the process ends; a plugin may keep it |
//! | [`Plugin`] given to the entry point | agent | during that call only |
//! | `Plugin::name`, `Plugin::release` | plugin | until the process ends |
//! | `Plugin::state` | plugin | until the process ends; the agent never looks into it |
//! | a [`Text`] that is an argument | caller | during that call only |
//! | an [`Answer`]'s struct | agent | during that call only |
//! | an [`Answer`]'s bytes | plugin | until the agent gives them to `Plugin::free`, which it does once |
//!
//! A text is UTF-8 with a length and without an end mark. Where it has no bytes, its pointer may be
//! null.
//!
//! # Threads, time, ends
//!
//! * The agent calls one function of a plugin at a time, each from whatever thread it likes.
//!   [`Host::log`] may be called from any thread.
//! * Every call has a time limit. After a call that exceeds it the agent never calls that plugin
//!   again and drops what comes late; the thread is lost. Nothing may wait for anything in a
//!   library's constructors (`DllMain`): the system's loader holds its lock meanwhile, and the whole
//!   agent would wait for it.
//! * No exception or panic may leave a function, in either direction. In Rust `extern "C"` sees to
//!   it by aborting the process, so a plugin catches its panics and answers with an error.
//! * A plugin is never unloaded, its threads may run on, and it must not change the process: no
//!   signal handlers, no environment, no working folder, no exit.
//!
//! # What may change
//!
//! Within version 1 both structs only grow at their end, and each says how long it is. The agent
//! sets [`Plugin::size`] to what it can take; the plugin lowers it to what it knows and touches
//! nothing beyond. A plugin uses a field of [`Host`] only if it lies within [`Host::size`]. New kinds
//! get new bits; neither side minds bits that it does not know. Meaning, order and type of what is
//! there never change: that would be version 2, with an entry point of another name.

use std::ffi::{c_char, c_void};

/// Name of the entry point, as a C string.
pub const ENTRY: &std::ffi::CStr = c"trireme_plugin_v1";

/// Version of the interface. Both structs carry it.
pub const VERSION: u32 = 1;

/// The header for plugins in C or anything else that reads it.
pub const HEADER: &str = include_str!("../include/trireme_plugin.h");

/// The entry point: fills the table it is given. 0 means done, and anything else that the plugin
/// does not want to run here; it should log why.
pub type Entry = unsafe extern "C" fn(host: *const Host, plugin: *mut Plugin) -> i32;

/// What a function answers when it did what it was asked for.
pub const OK: i32 = 0;

/// UTF-8 of a known length, borrowed.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// First byte; may be null if there is none.
    pub data: *const c_char,
    /// Number of bytes.
    pub size: usize,
}

impl Text {
    /// No bytes at all.
    pub const EMPTY: Self = Self {
        data: std::ptr::null(),
        size: 0,
    };

    /// Borrows a text. Whoever gets it must not use it for longer than the text lives.
    pub const fn of(text: &str) -> Self {
        Self {
            data: text.as_ptr().cast(),
            size: text.len(),
        }
    }
}

/// Bytes that a plugin made. Zeroed by the agent before the call.
#[repr(C)]
#[derive(Debug)]
pub struct Answer {
    /// First byte; may be null if there is none.
    pub data: *mut c_char,
    /// Number of bytes; at most [`MOST_ANSWER`].
    pub size: usize,
}

impl Answer {
    /// None yet.
    pub const EMPTY: Self = Self {
        data: std::ptr::null_mut(),
        size: 0,
    };
}

/// Longest answer that the agent takes, in bytes. A longer one is freed and counts as an error.
pub const MOST_ANSWER: usize = 1024 * 1024;

/// What the agent offers.
#[repr(C)]
#[derive(Debug)]
pub struct Host {
    /// Size of this struct, in bytes.
    pub size: usize,
    /// [`VERSION`].
    pub version: u32,
    /// Zero.
    pub reserved: u32,
    /// To be handed back to every function below.
    pub context: *mut c_void,
    /// Writes one line to the agent's log. `level` is a [`Level`]; line breaks become blanks, and
    /// only the first 4 KiB are kept.
    pub log: unsafe extern "C" fn(context: *mut c_void, level: u32, text: Text),
}

/// Importance of a log line. What the agent does not know is taken for [`Level::Info`].
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For whoever looks for a defect.
    Debug = 1,
    /// For whoever wants to know what happens.
    Info = 2,
    /// Something does not work and the rest goes on.
    Warn = 3,
    /// Somebody has to act.
    Error = 4,
}

/// What a plugin can do. Its bit in [`Plugin::kinds`] says that its function is there.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Gives tags to the agent when it registers: [`Plugin::tags`].
    Tags = 1,
    /// Finds secrets by name: [`Plugin::secret`]. Defined; no agent asks yet.
    Secrets = 2,
    /// Stores and fetches artifacts. Named only; its functions are to come.
    Artifacts = 4,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tags, Self::Secrets, Self::Artifacts];

    /// The word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tags => "tags",
            Self::Secrets => "secrets",
            Self::Artifacts => "artifacts",
        }
    }

    /// Whether a set of bits has this one.
    pub const fn is_in(self, kinds: u32) -> bool {
        kinds & self as u32 != 0
    }
}

/// What a plugin offers. The agent zeroes it, sets [`Plugin::size`], and lets the plugin fill it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Plugin {
    /// Bytes of this struct that are filled.
    pub size: usize,
    /// [`VERSION`] that the plugin was built with.
    pub version: u32,
    /// Bits of [`Kind`].
    pub kinds: u32,
    /// Its name: letters, digits, `-` and `_`; at most 64. Two of the same name are not both used.
    pub name: Text,
    /// Its own version, for people; at most 64 bytes.
    pub release: Text,
    /// Handed back to every function below.
    pub state: *mut c_void,
    /// Gives the bytes of an answer back. Needed with every kind that has answers.
    pub free: Option<unsafe extern "C" fn(state: *mut c_void, answer: *mut Answer)>,
    /// Answers with lines of `key=value`. Other than [`OK`]: it failed, and the answer says why.
    pub tags: Option<unsafe extern "C" fn(state: *mut c_void, answer: *mut Answer) -> i32>,
    /// Answers with the secret of that name. Other than [`OK`]: it failed, and the answer says why.
    /// The plugin wipes the bytes in `free`.
    pub secret:
        Option<unsafe extern "C" fn(state: *mut c_void, name: Text, answer: *mut Answer) -> i32>,
}

impl Plugin {
    /// An empty table, as an entry point gets it.
    pub const fn empty() -> Self {
        Self {
            size: size_of::<Self>(),
            version: 0,
            kinds: 0,
            name: Text::EMPTY,
            release: Text::EMPTY,
            state: std::ptr::null_mut(),
            free: None,
            tags: None,
            secret: None,
        }
    }
}
