//! `bootstrapper.log`, and the same lines on standard error.

use std::fmt::{Arguments, Write as _};
use std::io::Write as _;

use shared_logfile::LogFile;
use shared_supervise::is_writable;

use crate::clock;

/// Where it says what it does.
pub(crate) struct Log(pub(crate) LogFile);

impl Log {
    /// Writes one line. Nothing that goes wrong with it stops the bootstrapper.
    pub(crate) fn say(&mut self, what: Arguments<'_>) {
        let mut line = shared_logfile::stamp(clock::time_of_day());
        let stamped = line.len() + 1;
        let _ = writeln!(line, " {what}");
        let _ = self.0.write_all(line.as_bytes());
        complain(&line[stamped..]);
    }
}

/// Writes a line to standard error, unless its reader is stuck: the launcher writes there, too,
/// and may have filled it.
pub(crate) fn complain(line: &str) {
    if is_writable() {
        let shown = format!("bootstrapper: {line}");
        let _ = std::io::stderr().write_all(shown.as_bytes());
    }
}
