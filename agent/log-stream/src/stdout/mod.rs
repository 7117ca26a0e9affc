//! Job logs on the agent's own standard output, for those who collect them there.
//!
//! One thread writes for all jobs; it is started with the first user. A reader that takes something
//! now and then is waited for, as with the peer. One that takes nothing for [`PATIENCE`] is stuck:
//! from then on what does not fit is left out of this copy, which is told there and in the agent's
//! log. A closed output ends the copy. The log that goes to the endpoint suffers from neither.

mod json;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub use json::Fields;

/// How long a reader may take nothing before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(5);
/// Writes that may wait for the reader, each of at most one read of a job's output (64 KiB).
const WAITING: usize = 8;

/// How job logs look on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The bytes of the jobs.
    Raw,
    /// A JSON object a line for each write, with fields that name the job.
    Json,
}

/// Standard output as all jobs share it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stdout {
    format: Format,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    writer: OnceLock<mpsc::Sender<Order>>,
    /// Nobody reads; nothing is waited for until somebody does.
    stuck: AtomicBool,
    left_out: AtomicU64,
}

#[derive(Debug)]
enum Order {
    Write(Vec<u8>),
    Flush(oneshot::Sender<()>),
}

/// The copy of one job's log.
#[derive(Debug)]
pub struct JobCopy {
    to: Stdout,
    fields: Option<Fields>,
}

impl Stdout {
    /// Nothing happens before the first job.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            shared: Arc::default(),
        }
    }

    /// The copy of one job. `fields` say which, where the format has a place for them.
    pub fn job(&self, fields: impl FnOnce() -> Fields) -> JobCopy {
        JobCopy {
            to: self.clone(),
            fields: (self.format == Format::Json).then(fields),
        }
    }

    async fn send(&self, bytes: Vec<u8>, now_ms: u64) {
        let shared = &*self.shared;
        let writer = shared.writer.get_or_init(|| start(io::stdout()));
        let patience = if shared.stuck.load(Ordering::Relaxed) {
            Duration::ZERO
        } else {
            PATIENCE
        };
        let count = bytes.len() as u64;
        match timeout(patience, writer.reserve()).await {
            Ok(Ok(place)) => {
                shared.stuck.store(false, Ordering::Relaxed);
                let left_out = shared.left_out.swap(0, Ordering::Relaxed);
                let bytes = match left_out {
                    0 => bytes,
                    _ => [note(self.format, left_out, now_ms), bytes].concat(),
                };
                place.send(Order::Write(bytes));
            }
            // The thread has said that the output is closed.
            Ok(Err(_)) => {}
            Err(_) => {
                shared.left_out.fetch_add(count, Ordering::Relaxed);
                if !shared.stuck.swap(true, Ordering::Relaxed) {
                    tracing::warn!("nobody reads standard output: parts of job logs are left out");
                }
            }
        }
    }

    /// Waits until all of it is written, within reason.
    async fn flush(&self) {
        let Some(writer) = self.shared.writer.get() else {
            return;
        };
        if self.shared.stuck.load(Ordering::Relaxed) {
            return;
        }
        let (done, written) = oneshot::channel();
        let flushed = async {
            if writer.send(Order::Flush(done)).await.is_ok() {
                let _ = written.await;
            }
        };
        let _ = timeout(PATIENCE, flushed).await;
    }
}

impl JobCopy {
    /// Copies what the job wrote in one piece at `now_ms` (milliseconds since 1970).
    pub async fn write(&mut self, bytes: &[u8], now_ms: u64) {
        let out = match &mut self.fields {
            None => bytes.to_vec(),
            Some(fields) => fields.object(bytes, now_ms),
        };
        self.to.send(out, now_ms).await;
    }

    /// Waits, within reason, until the copy is written.
    pub async fn end(self) {
        self.to.flush().await;
    }
}

/// What stands where something is left out.
fn note(format: Format, left_out: u64, now_ms: u64) -> Vec<u8> {
    let text = format!("{left_out} bytes of job logs are missing here");
    match format {
        Format::Raw => format!("\n[{text}]\n").into_bytes(),
        Format::Json => json::note(&text, now_ms),
    }
}

fn start(mut to: impl io::Write + Send + 'static) -> mpsc::Sender<Order> {
    let (orders, mut incoming) = mpsc::channel(WAITING);
    let work = move || {
        while let Some(order) = incoming.blocking_recv() {
            let result = match order {
                Order::Write(bytes) => to.write_all(&bytes).and_then(|()| to.flush()),
                Order::Flush(done) => {
                    let _ = done.send(());
                    Ok(())
                }
            };
            if let Err(error) = result {
                tracing::warn!("failed to copy job logs to standard output: {error}");
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("job-logs".to_owned());
    if let Err(error) = thread.spawn(work) {
        tracing::warn!("failed to copy job logs to standard output: {error}");
    }
    orders
}

#[cfg(test)]
mod tests;
