//! Following a job's log from a byte offset on until the job is over.

use server_store::JobRow;
use shared_protocol::JobId;
use tokio::sync::watch;

use crate::Server;
use crate::fault::Fault;

/// What comes next in a log.
pub(crate) enum Piece {
    /// More bytes.
    Bytes {
        /// Offset behind them.
        end: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The job is over and everything was read.
    End(Box<JobRow>),
}

/// A reader of one log. It looks, and where there is nothing new it waits for the job's bell.
pub(crate) struct Tail {
    server: Server,
    job: JobId,
    offset: u64,
    /// Subscribed before the first look, so that nothing falls between look and wait.
    bell: watch::Receiver<()>,
    stopping: watch::Receiver<bool>,
}

impl Tail {
    pub(crate) fn new(server: Server, job: JobId, offset: u64) -> Self {
        let bell = server.wakes.of_job(&job);
        let stopping = server.stopping();
        Self {
            server,
            job,
            offset,
            bell,
            stopping,
        }
    }

    /// The next piece; nothing when the server stops.
    pub(crate) async fn next(&mut self) -> Result<Option<Piece>, Fault> {
        loop {
            self.bell.mark_unchanged();
            let job = self.server.store.job(&self.job).await?;
            let bytes = self
                .server
                .store
                .read_log(&self.job, self.offset, job.log_size)
                .await?;
            if !bytes.is_empty() {
                self.offset += bytes.len() as u64;
                let end = self.offset;
                return Ok(Some(Piece::Bytes { end, bytes }));
            }
            if job.state.is_finished() {
                return Ok(Some(Piece::End(Box::new(job))));
            }
            tokio::select! {
                rung = self.bell.changed() => if rung.is_err() { return Ok(None) },
                _ = self.stopping.wait_for(|stop| *stop) => return Ok(None),
            }
        }
    }
}
