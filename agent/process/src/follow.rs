//! Driving a child to its end: every byte it writes goes to a sink, then its exit is known.

use std::io;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep_until};

use crate::{Exit, Output, Running};

/// One read at most; a pipe holds as much.
const BUFFER: usize = 64 * 1024;

/// As much is read at first: most children say little, and an agent may follow many at once.
const FIRST: usize = 4 * 1024;

/// After the time for leaked holders is over, this much that already waits is still taken: more
/// than any pipe or terminal holds by default, so a child's own last words are never lost.
const LAST_WORDS: usize = 1024 * 1024;

/// How a followed child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// The child's own end.
    pub exit: Exit,
    /// Whether another process still held the output when the time for that was over.
    pub held: bool,
}

/// Reads `output` into `sink` until its end and waits for the child. When the child has ended but
/// others (a daemon it left behind) keep the output open, they get `patience` from the child's
/// end; then reading stops, without killing them.
///
/// An error of the sink ends it at once; the child still runs then.
pub async fn follow(
    running: &mut Running,
    output: &mut Output,
    patience: Duration,
    mut sink: impl AsyncFnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Ending> {
    let mut buffer = vec![0; FIRST];
    let mut open = true;
    let mut ended: Option<Exit> = None;
    let mut deadline = None;
    loop {
        if let Some(exit) = ended.filter(|_| !open) {
            return Ok(Ending { exit, held: false });
        }
        tokio::select! {
            biased;
            exit = running.wait(), if ended.is_none() => {
                ended = Some(exit?);
                deadline = Instant::now().checked_add(patience);
            }
            () = until(deadline) => break,
            count = output.read(&mut buffer), if open => match count? {
                0 => open = false,
                count => {
                    let count = fill(output, &mut buffer, count)?;
                    sink(&buffer[..count]).await?;
                    if count == buffer.len() {
                        buffer.resize(BUFFER, 0);
                    }
                }
            },
        }
    }
    let exit = running.wait().await?;
    let held = last_words(output, &mut buffer, &mut sink).await?;
    Ok(Ending { exit, held })
}

/// Ends at that time, or never.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Fills the rest of the buffer with what already waits: a terminal gives 4 KiB at a time, and
/// whoever reads the log is spared as many wake-ups.
fn fill(output: &mut Output, buffer: &mut [u8], mut count: usize) -> io::Result<usize> {
    while count < buffer.len() {
        match output.read_now(&mut buffer[count..])? {
            None | Some(0) => break, // the end, if it is the end, is read again
            Some(more) => count += more,
        }
    }
    Ok(count)
}

/// Takes what already waits in the output; true if somebody still holds it after that.
async fn last_words(
    output: &mut Output,
    buffer: &mut [u8],
    sink: &mut impl AsyncFnMut(&[u8]) -> io::Result<()>,
) -> io::Result<bool> {
    let mut taken = 0;
    while taken < LAST_WORDS {
        match output.read_now(buffer)? {
            None => return Ok(true),
            Some(0) => return Ok(false),
            Some(count) => {
                taken += count;
                sink(&buffer[..count]).await?;
            }
        }
    }
    Ok(true)
}
