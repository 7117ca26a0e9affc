//! Foreign libraries: the one file that calls into them.
//!
//! What it can check it checks: the version, the sizes, that texts are UTF-8 of a sane length, that
//! a function is there for each kind. That pointers point to what the interface says, nobody can.

use std::error::Error as _;
use std::ffi::{OsStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use agent_plugin_api::{
    Answer, ENTRY, Entry, Host, Kind, Level, MOST_ANSWER, OK, Plugin as Table, Text, VERSION,
};
use libloading::{Library, Symbol};

/// Longest line that a plugin may log, and its longest name or release.
const MOST_LINE: usize = 4096;
const MOST_NAME: usize = 64;

/// Why a library is no plugin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The system does not load it.
    #[error("the system does not load it: {0}")]
    System(String),
    /// It is a library for something else.
    #[error("it has no function {}, so it is no plugin of Trireme", ENTRY.to_string_lossy())]
    NoEntry,
    /// It does not want to run here.
    #[error("it ended its own start with error {0}")]
    Refused(i32),
    /// It was built for another version of the interface.
    #[error("it was built for version {0} of the plugin interface, this agent has {VERSION}")]
    Version(u32),
    /// What it filled in makes no sense.
    #[error("it is broken: {0}")]
    Broken(&'static str),
}

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The plugin says so.
    #[error("it failed with error {0}: {1}")]
    Failed(i32, String),
    /// Longer than the interface allows.
    #[error("its answer has {0} bytes, at most {MOST_ANSWER} are taken")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("its answer is not UTF-8")]
    NotText,
    /// Some of it is no tag.
    #[error("{0} of its tags are not key=value, too many or too long; the first is {1:?}")]
    BadTags(usize, String),
}

/// A loaded plugin. Its library stays in the process for good: its threads may run on, and its name
/// would be gone with it.
#[derive(Debug)]
pub struct Plugin {
    name: String,
    release: String,
    table: Table,
}

// SAFETY: the interface says that its functions may be called from any thread, one at a time; the
// pointers in the table are touched by those functions only. Without `Sync` and with a private
// table, whoever has the value is the only one who can call.
#[expect(
    unsafe_code,
    reason = "raw pointers of the plugin go to the thread that calls it"
)]
unsafe impl Send for Plugin {}

impl Plugin {
    /// Loads a library and lets it fill its table.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let entry = entry_of(path)?;
        let label = path.file_name().unwrap_or_default();
        let host = host(label);
        let mut table = Table::empty();
        // SAFETY: `entry` has the type that the interface gives to this name. Both pointers are
        // valid: `host` for good, `table` for the call, which is all the interface promises.
        #[expect(unsafe_code, reason = "calling the entry point")]
        let status = unsafe { entry(host, &raw mut table) };
        if status != OK {
            return Err(OpenError::Refused(status));
        }
        if table.version != VERSION {
            return Err(OpenError::Version(table.version));
        }
        Self::check(table)
    }

    fn check(table: Table) -> Result<Self, OpenError> {
        // Version 1 has not grown yet, so there is one size only.
        if table.size != size_of::<Table>() {
            return Err(OpenError::Broken("its table has another size"));
        }
        let is = |kind: Kind| kind.is_in(table.kinds);
        if is(Kind::Tags) && table.tags.is_none() || is(Kind::Secrets) && table.secret.is_none() {
            return Err(OpenError::Broken(
                "a function that its kinds need is missing",
            ));
        }
        if (is(Kind::Tags) || is(Kind::Secrets)) && table.free.is_none() {
            return Err(OpenError::Broken("its function `free` is missing"));
        }
        let name = short_text(table.name).ok_or(OpenError::Broken("its name is no short text"))?;
        let release = short_text(table.release);
        let release = release.ok_or(OpenError::Broken("its release is no short text"))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(OpenError::Broken(
                "its name is not of letters, digits, - and _",
            ));
        }
        Ok(Self {
            name,
            release: release.replace(char::is_control, " "),
            table,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its own version.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// What it can do, of what this agent knows.
    pub fn kinds(&self) -> Vec<Kind> {
        let known = Kind::ALL.into_iter();
        known.filter(|kind| kind.is_in(self.table.kinds)).collect()
    }

    /// Asks it for tags; no text if it is not of that kind. May take for ever.
    pub(crate) fn tags(&self) -> Result<String, CallError> {
        let tags = self
            .table
            .tags
            .filter(|_| Kind::Tags.is_in(self.table.kinds));
        let Some(tags) = tags else {
            return Ok(String::new());
        };
        let mut answer = Answer::EMPTY;
        // SAFETY: the plugin gave this function for this state; `answer` is valid for the call.
        #[expect(unsafe_code, reason = "calling a plugin")]
        let status = unsafe { tags(self.table.state, &raw mut answer) };
        let text = self.take(answer);
        match status {
            OK => text,
            status => {
                let why = text.unwrap_or_else(|error| error.to_string());
                let why: String = why.chars().take(MOST_LINE).collect();
                let why = why.replace(char::is_control, " ");
                Err(CallError::Failed(status, why))
            }
        }
    }

    /// Copies an answer and gives its bytes back.
    fn take(&self, mut answer: Answer) -> Result<String, CallError> {
        let text = if answer.size > MOST_ANSWER {
            Err(CallError::TooLong(answer.size))
        } else {
            let borrowed = Text {
                data: answer.data,
                size: answer.size,
            };
            std::str::from_utf8(bytes(&borrowed))
                .map(str::to_owned)
                .map_err(|_| CallError::NotText)
        };
        if let Some(free) = self.table.free.filter(|_| !answer.data.is_null()) {
            // SAFETY: the bytes are the plugin's own, given back once, to its own function.
            #[expect(unsafe_code, reason = "giving a plugin its bytes back")]
            unsafe {
                free(self.table.state, &raw mut answer);
            }
        }
        text
    }
}

/// Loads the library for good and finds its entry point.
fn entry_of(path: &Path) -> Result<Entry, OpenError> {
    // SAFETY: running the constructors of a library is what loading a plugin means; its bytes are
    // those of the signed release, compared just before.
    #[expect(unsafe_code, reason = "loading a library")]
    let library = unsafe { open_now(path) }.map_err(|error| {
        // The reason is the system's; the error itself only names the call.
        let reason = error
            .source()
            .map_or_else(|| error.to_string(), ToString::to_string);
        OpenError::System(reason)
    })?;
    // Never unloaded, not even one that turns out to be something else: see `Plugin`.
    let library: &'static Library = Box::leak(Box::new(library));
    // SAFETY: the interface fixes the type of a function with this name.
    #[expect(unsafe_code, reason = "the type of a symbol")]
    let entry: Result<Symbol<'static, Entry>, _> = unsafe { library.get(ENTRY) };
    entry.map(|entry| *entry).map_err(|_| OpenError::NoEntry)
}

/// Loads a library with everything that it needs from others. Bound later, a function that is
/// nowhere would end the process at its first call; this way it is an error here.
///
/// # Safety
///
/// As [`Library::new`].
#[expect(unsafe_code, reason = "loading a library")]
unsafe fn open_now(path: &Path) -> Result<Library, libloading::Error> {
    #[cfg(unix)]
    {
        use libloading::os::unix;
        // SAFETY: the caller's.
        unsafe { unix::Library::open(Some(path), unix::RTLD_NOW | unix::RTLD_LOCAL) }
            .map(Library::from)
    }
    // Windows always binds at once.
    #[cfg(not(unix))]
    // SAFETY: the caller's.
    unsafe {
        Library::new(path)
    }
}

/// The host table for the library with that name; both live for good, as the interface promises.
fn host(label: &OsStr) -> *const Host {
    let label: &'static String = Box::leak(Box::new(label.to_string_lossy().into_owned()));
    Box::leak(Box::new(Host {
        size: size_of::<Host>(),
        version: VERSION,
        reserved: 0,
        context: std::ptr::from_ref(label).cast_mut().cast::<c_void>(),
        log,
    }))
}

/// What plugins call to log. Nothing may unwind into them.
#[expect(unsafe_code, reason = "called by plugins")]
unsafe extern "C" fn log(context: *mut c_void, level: u32, text: Text) {
    // SAFETY: plugins hand back the context they were given: the leaked name of their library,
    // which is never written.
    let Some(library) = (unsafe { context.cast::<String>().as_ref() }) else {
        return;
    };
    let text = Text {
        size: text.size.min(MOST_LINE),
        ..text
    };
    let line = String::from_utf8_lossy(bytes(&text)).replace(char::is_control, " ");
    // A subscriber that panics must not take the plugin with it.
    let _ = catch_unwind(AssertUnwindSafe(|| match level {
        level if level == Level::Debug as u32 => tracing::debug!("plugin {library}: {line}"),
        level if level == Level::Warn as u32 => tracing::warn!("plugin {library}: {line}"),
        level if level == Level::Error as u32 => tracing::error!("plugin {library}: {line}"),
        _ => tracing::info!("plugin {library}: {line}"),
    }));
}

fn short_text(text: Text) -> Option<String> {
    let short = text.size <= MOST_NAME;
    let text = short.then(|| std::str::from_utf8(bytes(&text)).ok())?;
    text.map(str::to_owned)
}

/// The bytes of a text that a plugin gave, for as long as the caller does not call it again.
fn bytes(text: &Text) -> &[u8] {
    if text.data.is_null() || text.size == 0 {
        return &[];
    }
    // SAFETY: the interface says that a text points to that many bytes, which do not change before
    // the plugin is called again; every caller has checked the size against a limit.
    #[expect(unsafe_code, reason = "reading a plugin's text")]
    unsafe {
        std::slice::from_raw_parts(text.data.cast::<u8>(), text.size)
    }
}
