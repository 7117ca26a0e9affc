//! Readers of standard output, and how jobs fare with them.

use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::time::Instant;

use super::*;

/// Takes a write only when the test lets it.
struct Reader {
    gate: Receiver<io::Result<()>>,
    read: Arc<Mutex<Vec<u8>>>,
}

impl io::Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gate.recv().map_err(io::Error::other)??;
        self.read.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Gate = Sender<io::Result<()>>;

fn copied() -> (JobCopy, Gate, Arc<Mutex<Vec<u8>>>) {
    let (open, gate) = channel();
    let read = Arc::new(Mutex::new(Vec::new()));
    let stdout = Stdout::new(Format::Raw);
    let writer = start(Reader {
        gate,
        read: read.clone(),
    });
    stdout.shared.writer.set(writer).unwrap();
    let copy = stdout.job(|| unreachable!("a raw copy names no job"));
    (copy, open, read)
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_stuck_costs_patience_once_and_a_part_of_the_copy() {
    let (mut copy, open, read) = copied();
    let begun = Instant::now();
    for _ in 0..100 {
        copy.write(b"line\n", 0).await;
    }
    assert_eq!(begun.elapsed(), PATIENCE);
    let left_out = copy.to.shared.left_out.load(Ordering::Relaxed);
    assert!(left_out >= 5 * (100 - WAITING as u64 - 2), "{left_out}");
    for _ in 0..200 {
        open.send(Ok(())).unwrap();
    }
    // From here on another thread works, which the paused clock would not wait for.
    tokio::time::resume();
    // It reads again: what is missing is told in its place.
    while copy.to.shared.stuck.load(Ordering::Relaxed) {
        std::thread::yield_now();
        copy.write(b"last\n", 0).await;
    }
    copy.end().await;
    let text = String::from_utf8(read.lock().unwrap().clone()).unwrap();
    assert!(text.starts_with("line\nline\n"), "{text}");
    assert!(
        text.ends_with(" bytes of job logs are missing here]\nlast\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a_closed_output_ends_the_copy_and_holds_nobody_up() {
    let (mut copy, open, read) = copied();
    open.send(Err(io::ErrorKind::BrokenPipe.into())).unwrap();
    let begun = Instant::now();
    while !copy.to.shared.writer.get().unwrap().is_closed() {
        copy.write(b"line\n", 0).await;
    }
    copy.write(b"line\n", 0).await;
    copy.end().await;
    assert!(begun.elapsed() < PATIENCE);
    assert!(read.lock().unwrap().is_empty());
}

#[test]
fn what_is_missing_between_objects_is_told_by_an_object() {
    let line = note(Format::Json, 7, 1_767_225_600_250);
    assert_eq!(
        String::from_utf8(line).unwrap(),
        "{\"ts\":\"2026-01-01T00:00:00Z\",\"level\":\"WARN\",\
         \"msg\":\"7 bytes of job logs are missing here\",\"source\":\"job\"}\n"
    );
}
