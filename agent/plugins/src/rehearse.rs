//! A library in a process of its own, before it comes into the agent.
//!
//! A library can end or stop the process that loads it, and the agent that loads it may be on trial:
//! it would be rejected for what a plugin did. So the agent starts itself once more for each
//! library; only what such a process survived is loaded. What the library answers does not matter
//! here: the agent asks again, and tells.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use crate::limited::{NoResult, limited};
use crate::load::LoadError;
use crate::os::library::Plugin;

/// The subcommand of the agent that runs [`main`], with the library behind it.
pub const COMMAND: &str = "try-plugin";

/// For one rehearsal: loading and one answer.
const LIMIT: Duration = Duration::from_secs(3);

/// How much longer its parent waits, who also waits for the process to begin and end.
const PATIENCE: Duration = Duration::from_secs(2);

/// The last words of a process in which all went well, and of one in which the library hangs.
const SURVIVED: &[u8] = b"\nsurvived\n";
const LATE: &[u8] = b"\nlate\n";

/// Most that is heard of the process: a library that prints more is not worth it.
const MOST_WORDS: u64 = 64 * 1024;

/// The whole life of the process: loads the library and asks for its tags. Ends by itself even if
/// the library does not, for its parent may be gone.
pub fn main(library: &Path) -> ExitCode {
    let path = library.to_owned();
    let rehearsed = limited(LIMIT, move || {
        let _ = Plugin::open(&path).map(|plugin| plugin.tags());
    });
    let words = if rehearsed.is_ok() { SURVIVED } else { LATE };
    let mut out = std::io::stdout();
    let _ = out.write_all(words).and_then(|()| out.flush());
    if rehearsed.is_err() {
        // An ordinary end would wait for the library, too.
        std::process::abort();
    }
    ExitCode::SUCCESS
}

/// Lets `program` run [`main`] for a library; an error if the library is not to be loaded.
pub(crate) fn rehearse(program: &Path, library: &Path) -> Result<(), LoadError> {
    let mut child = Command::new(program)
        .arg(COMMAND)
        .arg(library)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(LoadError::Rehearsal)?;
    let out = child.stdout.take().expect("it is piped");
    let words = limited(LIMIT + PATIENCE, move || {
        let mut words = Vec::new();
        out.take(MOST_WORDS).read_to_end(&mut words).map(|_| words)
    });
    // It has ended or is to end; what it said counts, not how it ended.
    let _ = child.kill();
    let _ = child.wait();
    match words {
        Ok(Ok(words)) if words.ends_with(SURVIVED) => Ok(()),
        Ok(Ok(words)) if words.ends_with(LATE) => Err(LoadError::Late(LIMIT)),
        Ok(Ok(_)) => Err(LoadError::Died),
        Ok(Err(error)) => Err(LoadError::Rehearsal(error)),
        Err(NoResult::Late) => Err(LoadError::Late(LIMIT)),
        Err(NoResult::NoThread) => Err(LoadError::NoThread),
    }
}
