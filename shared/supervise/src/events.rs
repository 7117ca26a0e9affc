//! Waiting for signals, ends of children and readable pipes, in one place.
//!
//! Signals are noted down and ring an alarm; waiting is one call on that alarm and on what else is
//! watched. Between two events the process does not run at all.

use std::io;
use std::time::Duration;

use crate::os::{self, Alarm, Watched};
use crate::signal::{CHILD_EXITED, Signal};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// This process got a signal it listens for.
    Signal(Signal),
    /// At least one child has ended: [`reap`](crate::reap) says which.
    ChildExited,
    /// What is watched at this place in the list can be read, or has ended.
    Readable(usize),
    /// The time limit passed.
    TimedOut,
}

/// The events of this process. There is one per process, since signal handlers are.
#[derive(Debug)]
pub struct Events {
    /// Rings when a signal came; which one, is noted elsewhere.
    alarm: Alarm,
    /// Signals that came and were not returned yet, one bit per number.
    pending: u32,
}

/// Whether something can be written to standard error without waiting for its reader, who may be
/// stuck. Where that cannot be told, it can.
pub fn is_writable() -> bool {
    os::is_error_output_writable()
}

/// Waits without listening for anything: for a caller whose [`Events::wait`] fails, who must neither
/// end nor go round and round.
pub fn pause(time: Duration) {
    os::pause(time);
}

impl Events {
    /// Listens for these signals and for ends of children from now on. A signal that this process
    /// was told to ignore when it was started, as `nohup` does, stays ignored.
    pub fn listen(signals: &[Signal]) -> io::Result<Self> {
        let alarm = Alarm::listen(signals)?;
        Ok(Self { alarm, pending: 0 })
    }

    /// Waits for the next event, at most `limit`, or for ever. Signals come before files. A wait
    /// that a signal of no interest interrupted begins anew.
    pub fn wait(&mut self, watched: &[Watched<'_>], limit: Option<Duration>) -> io::Result<Event> {
        loop {
            if let Some(event) = self.next() {
                return Ok(event);
            }
            match self.alarm.wait(watched, limit)? {
                None => return Ok(Event::TimedOut),
                // Emptied before the notes are read: a signal that comes later rings again.
                Some(0) => self.alarm.drain(),
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
        take(CHILD_EXITED).then_some(Event::ChildExited)
    }
}
