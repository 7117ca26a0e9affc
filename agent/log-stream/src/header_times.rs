//! Tells the endpoint when the headers of a log came, where the log itself does not say it. A task
//! of its own, started with the first header; batches go out one after the other, at most one each
//! second.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::lines::rfc3339;
use crate::upload::LogUpload;

/// Time between the beginnings of two batches.
const INTERVAL: Duration = Duration::from_secs(1);
/// Headers that may wait. A job that prints more of them in one second waits itself.
const WAITING: usize = 4096;
/// But not longer than this: the log itself waits behind its headers.
const PATIENCE: Duration = Duration::from_secs(5);

/// The times of one log's headers, on their way to the endpoint.
#[derive(Debug)]
pub(crate) struct HeaderTimes {
    times: mpsc::Sender<Header>,
    /// Number of the next header in the log.
    next: u64,
    /// The endpoint took none for as long as that is waited for.
    stuck: bool,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Header {
    number: u64,
    /// Milliseconds since 1970.
    ms: u64,
}

impl HeaderTimes {
    pub(crate) fn start(uploader: impl LogUpload) -> Self {
        let (times, incoming) = mpsc::channel(WAITING);
        let task = tokio::spawn(upload(uploader, incoming));
        Self {
            times,
            next: 0,
            stuck: false,
            task,
        }
    }

    /// Adds the next header, seen at `ms` (milliseconds since 1970), or leaves it out if the
    /// endpoint takes none.
    pub(crate) async fn add(&mut self, ms: u64) {
        let number = self.next;
        self.next += 1;
        let patience = if self.stuck { Duration::ZERO } else { PATIENCE };
        let sent = timeout(patience, self.times.send(Header { number, ms })).await;
        // The task ends early only if it panicked, which the end of the log tells.
        if sent.is_err() && !self.stuck {
            tracing::warn!("the endpoint takes no times of headers: some are left out");
        }
        self.stuck = sent.is_err();
    }

    /// Sends what is left at once and waits until the endpoint has it, or will not have it.
    pub(crate) async fn end(mut self) {
        let (closed, _) = mpsc::channel(1);
        self.times = closed;
        if let Err(error) = (&mut self.task).await {
            tracing::error!("failed to report header times: {error}");
        }
    }
}

impl Drop for HeaderTimes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn upload(uploader: impl LogUpload, mut incoming: mpsc::Receiver<Header>) {
    let mut told = false;
    let mut next = Instant::now();
    while let Some(first) = incoming.recv().await {
        let mut batch = BTreeMap::new();
        let mut add = |Header { number, ms }| {
            batch.insert(number.to_string(), rfc3339(ms));
            batch.len()
        };
        let mut count = add(first);
        // The end of the log ends the wait.
        while count < WAITING
            && let Ok(Some(header)) = timeout_at(next, incoming.recv()).await
        {
            count = add(header);
        }
        next = Instant::now() + INTERVAL;
        if let Err(error) = uploader.header_times(batch).await
            && !told
        {
            told = true;
            tracing::warn!("the times of some headers of the job's log are lost: {error}");
        }
    }
}
