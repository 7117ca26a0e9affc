//! Tells the endpoint when the headers of a log came, where the log itself does not say it. A task
//! of its own, started with the first header; batches go out one after the other, at most one each
//! second.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::lines::rfc3339;
use crate::upload::LogUpload;

/// Time between the beginnings of two batches.
const INTERVAL: Duration = Duration::from_secs(1);
/// Headers that may wait. A job that prints more of them in one second waits itself.
const WAITING: usize = 4096;

/// The times of one log's headers, on their way to the endpoint.
#[derive(Debug)]
pub(crate) struct HeaderTimes {
    times: mpsc::Sender<u64>,
    task: JoinHandle<()>,
}

impl HeaderTimes {
    pub(crate) fn start(uploader: impl LogUpload) -> Self {
        let (times, incoming) = mpsc::channel(WAITING);
        let task = tokio::spawn(upload(uploader, incoming));
        Self { times, task }
    }

    /// Adds the next header, seen at `ms` (milliseconds since 1970).
    pub(crate) async fn add(&self, ms: u64) {
        // The task ends early only if it panicked, which the end of the log tells.
        let _ = self.times.send(ms).await;
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

async fn upload(uploader: impl LogUpload, mut incoming: mpsc::Receiver<u64>) {
    let mut index: u64 = 0;
    let mut told = false;
    let mut next = Instant::now();
    while let Some(first) = incoming.recv().await {
        let mut batch = BTreeMap::new();
        let mut add = |ms| {
            batch.insert(index.to_string(), rfc3339(ms));
            index += 1;
            batch.len()
        };
        let mut count = add(first);
        // The end of the log ends the wait.
        while count < WAITING
            && let Ok(Some(ms)) = timeout_at(next, incoming.recv()).await
        {
            count = add(ms);
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
