//! Systems that do not tell whether a write would wait: it may.

use std::io::{self, Write as _};

use crate::Output;

pub(crate) fn is_ready(_: Output, _: usize) -> bool {
    true
}

pub(crate) fn write_all(to: Output, bytes: &[u8]) -> io::Result<()> {
    match to {
        Output::Stderr => io::stderr().write_all(bytes),
        Output::Stdout | Output::SharedStdout => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        }
    }
}
