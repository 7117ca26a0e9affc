//! Waiting for signals, ends of children and readable pipes, in one place.
//!
//! Signal handlers write their number into a pipe; waiting is one `poll` on that pipe and on what
//! else is watched. Between two events the process does not run at all.

use std::io::{self, PipeReader, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

use crate::os;
use crate::signal::Signal;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// This process got a signal it listens for.
    Signal(Signal),
    /// At least one child has ended: [`reap`](crate::reap) says which.
    ChildExited,
    /// The watched file with this place in the list can be read, or has ended.
    Readable(usize),
    /// The time limit passed.
    TimedOut,
}

/// The events of this process. There is one per process, since signal handlers are.
#[derive(Debug)]
pub struct Events {
    /// Has something to read when a signal came; what, does not matter.
    alarm: PipeReader,
    /// Signals that came and were not returned yet, one bit per number.
    pending: u32,
}

/// Whether this file can be read without waiting, or has ended.
pub fn is_readable(file: BorrowedFd<'_>) -> bool {
    matches!(os::poll(&[file], Some(Duration::ZERO)), Ok(Some(_)))
}

impl Events {
    /// Listens for these signals and for ends of children from now on. A signal that this process
    /// was told to ignore when it was started, as `nohup` does, stays ignored.
    pub fn listen(signals: &[Signal]) -> io::Result<Self> {
        let alarm = os::signal_pipe()?;
        for signal in signals {
            os::handle(signal.number())?;
        }
        os::handle(libc::SIGCHLD)?;
        Ok(Self { alarm, pending: 0 })
    }

    /// Waits for the next event, at most `limit`, or for ever. Signals come before files. A wait
    /// that a signal of no interest interrupted begins anew.
    pub fn wait(
        &mut self,
        watched: &[BorrowedFd<'_>],
        limit: Option<Duration>,
    ) -> io::Result<Event> {
        loop {
            if let Some(event) = self.next() {
                return Ok(event);
            }
            let mut files = vec![self.alarm.as_fd()];
            files.extend_from_slice(watched);
            match os::poll(&files, limit)? {
                None => return Ok(Event::TimedOut),
                Some(0) => self.drain(),
                Some(place) => return Ok(Event::Readable(place - 1)),
            }
        }
    }

    fn next(&mut self) -> Option<Event> {
        self.pending |= os::take_pending();
        let mut take = |number: i32| {
            let bit = 1 << number;
            let came = self.pending & bit != 0;
            self.pending &= !bit;
            came
        };
        for signal in Signal::ALL {
            if take(signal.number()) {
                return Some(Event::Signal(signal));
            }
        }
        take(libc::SIGCHLD).then_some(Event::ChildExited)
    }

    /// Empties the pipe, before the notes are read: a signal that comes later rings again.
    fn drain(&mut self) {
        let mut bytes = [0; 64];
        while self.alarm.read(&mut bytes).is_ok_and(|n| n > 0) {}
    }
}
