//! Lines for whoever reads standard output or error, and who may not read at all: the program never
//! waits for it.
//!
//! A line is written at once where that takes no time. Where it would, it waits in a short queue
//! and a thread writes; the thread ends with the queue. Lines that the queue cannot take are lost,
//! which is said as soon as there is somebody to hear it.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Output, os};

/// Bytes that may wait.
const MOST_BYTES: usize = 256 * 1024;

/// Where lines end up.
pub(crate) trait Reader: Send + Sync + 'static {
    /// Whether it takes a line of so many bytes at once.
    fn is_ready(&self, bytes: usize) -> bool;

    /// Waits until it has taken the line. A line that cannot be written is gone.
    fn take(&self, line: &[u8]);
}

impl Reader for Output {
    fn is_ready(&self, bytes: usize) -> bool {
        // Who else writes there may hold its lock, and wait.
        *self != Self::SharedStdout && os::is_ready(*self, bytes)
    }

    fn take(&self, line: &[u8]) {
        // A lost line is better than a program that dies of its log.
        let _ = match self {
            Self::Stderr | Self::Stdout => os::write_all(*self, line),
            Self::SharedStdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(line).and_then(|()| stdout.flush())
            }
        };
    }
}

/// A place for lines. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Console(Arc<Shared>);

struct Shared {
    reader: Box<dyn Reader>,
    /// Says that so many lines were lost; as a line of the log, through here.
    tell: fn(u64),
    waiting: Mutex<Waiting>,
    written: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Box<[u8]>>,
    bytes: usize,
    lost: u64,
    /// Whether a thread is at it.
    writing: bool,
}

impl Waiting {
    fn push(&mut self, line: &[u8]) {
        if self.bytes + line.len() > MOST_BYTES {
            self.lost += 1;
        } else {
            self.bytes += line.len();
            self.lines.push_back(line.into());
        }
    }

    fn pop(&mut self) -> Option<Box<[u8]>> {
        let line = self.lines.pop_front()?;
        self.bytes -= line.len();
        Some(line)
    }
}

impl Console {
    /// Nothing is started. `tell` logs that so many lines were lost.
    pub(crate) fn new(reader: impl Reader, tell: fn(u64)) -> Self {
        Self(Arc::new(Shared {
            reader: Box::new(reader),
            tell,
            waiting: Mutex::default(),
            written: Condvar::new(),
        }))
    }

    fn line(&self, line: &[u8]) {
        let mut waiting = self.0.waiting();
        let first = !waiting.writing && waiting.lines.is_empty();
        if first && self.0.reader.is_ready(line.len()) {
            // Under the lock, so that lines of several threads stay whole and in order.
            return self.0.reader.take(line);
        }
        waiting.push(line);
        if !waiting.writing {
            let shared = Arc::clone(&self.0);
            let thread = std::thread::Builder::new().name("log".to_owned());
            // Without a thread the next line tries again.
            waiting.writing = thread.spawn(move || shared.write()).is_ok();
        }
    }

    /// Waits until what was logged is written, but not for long: nobody may be reading.
    pub(crate) fn finish(&self, longest: Duration) {
        let waiting = self.0.waiting();
        let rest = self
            .0
            .written
            .wait_timeout_while(waiting, longest, |it| it.writing);
        drop(rest);
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until nothing waits.
    fn write(&self) {
        loop {
            let mut waiting = self.waiting();
            let (line, lost) = (waiting.pop(), waiting.lost);
            match line {
                Some(line) => {
                    drop(waiting);
                    self.reader.take(&line);
                }
                None if lost > 0 => {
                    waiting.lost = 0;
                    drop(waiting);
                    (self.tell)(lost);
                }
                None => {
                    waiting.writing = false;
                    return self.written.notify_all();
                }
            }
        }
    }
}

impl Write for Console {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Console {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    /// Takes a line only when the test takes one from it.
    struct Slow {
        ready: Arc<AtomicBool>,
        lines: SyncSender<String>,
    }

    impl Reader for Slow {
        fn is_ready(&self, _: usize) -> bool {
            self.ready.load(Ordering::Relaxed)
        }

        fn take(&self, line: &[u8]) {
            let line = String::from_utf8(line.to_vec()).expect("text");
            self.lines.send(line).expect("a test");
        }
    }

    fn slow(room: usize, tell: fn(u64)) -> (Console, Arc<AtomicBool>, Receiver<String>) {
        let (lines, read) = sync_channel(room);
        let ready = Arc::new(AtomicBool::new(room > 0));
        let reader = Slow {
            ready: Arc::clone(&ready),
            lines,
        };
        (Console::new(reader, tell), ready, read)
    }

    #[test]
    fn a_line_that_is_taken_at_once_needs_no_thread() {
        let (console, _, read) = slow(1, |_| ());
        console.line(b"one");
        assert!(!console.0.waiting().writing);
        assert_eq!(read.try_recv().as_deref(), Ok("one"));
    }

    #[test]
    fn lines_wait_in_order_and_are_all_there_at_the_end() {
        let (console, ready, read) = slow(0, |_| ());
        console.line(b"one");
        // Those that wait go first, whoever could take this one now.
        ready.store(true, Ordering::Relaxed);
        console.line(b"two");
        assert_eq!(read.recv_timeout(LONG).as_deref(), Ok("one"));
        assert_eq!(read.recv_timeout(LONG).as_deref(), Ok("two"));
        console.finish(LONG);
        assert!(!console.0.waiting().writing);
    }

    #[test]
    fn the_end_does_not_wait_for_a_reader_that_is_gone() {
        let (console, _, _read) = slow(0, |_| ());
        console.line(b"one");
        console.finish(Duration::ZERO);
        assert!(console.0.waiting().writing);
    }

    #[test]
    fn what_does_not_fit_is_counted_and_told_once() {
        static LOST: AtomicU64 = AtomicU64::new(0);
        static TOLD: AtomicU64 = AtomicU64::new(0);
        let (console, _, read) = slow(0, |lost| {
            LOST.fetch_add(lost, Ordering::Relaxed);
            TOLD.fetch_add(1, Ordering::Relaxed);
        });
        let (line, all) = ("x".repeat(1024), 1000);
        for _ in 0..all {
            console.line(line.as_bytes());
        }
        assert!(console.0.waiting().bytes <= MOST_BYTES);
        // Nothing is told before the last line is read.
        let lost = console.0.waiting().lost;
        for _ in lost..all {
            assert_eq!(read.recv_timeout(LONG).as_deref(), Ok(line.as_str()));
        }
        console.finish(LONG);
        assert!(lost > 0 && LOST.load(Ordering::Relaxed) == lost);
        assert_eq!(TOLD.load(Ordering::Relaxed), 1);
    }
}
