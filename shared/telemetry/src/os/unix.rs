//! Unix: asking whether a write would wait, and writing past the lock of Rust's own streams, which
//! another thread may hold while it waits.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::Output;

/// A pipe that is ready takes as much without waiting (`PIPE_BUF` of Linux; POSIX asks for 512).
const AT_ONCE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// Whether that many bytes can be written without waiting. Also if they cannot be written at all.
pub(crate) fn is_ready(to: Output, bytes: usize) -> bool {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    bytes <= AT_ONCE && !matches!(wait(to, Some(&now)), Ok(0))
}

/// Writes all of it, however long that takes.
pub(crate) fn write_all(to: Output, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(descriptor(to), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            // Somebody with whom it is shared wanted it so.
            Err(rustix::io::Errno::AGAIN) => {
                wait(to, None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn wait(to: Output, longest: Option<&Timespec>) -> rustix::io::Result<usize> {
    let descriptor = descriptor(to);
    poll(&mut [PollFd::new(&descriptor, PollFlags::OUT)], longest)
}

fn descriptor(to: Output) -> BorrowedFd<'static> {
    match to {
        Output::Stderr => rustix::stdio::stderr(),
        Output::Stdout | Output::SharedStdout => rustix::stdio::stdout(),
    }
}
