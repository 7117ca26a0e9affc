//! The way back to a client, in the hands of the launcher's loop: never waits, never fails.

use shared_control::status::Phase;
use shared_control::{Answer, RefusedFor, Reply, Request};
use tokio::sync::{mpsc, oneshot};

/// Progress lines that wait for a slow client; more are left out.
const WAITING: usize = 16;

/// A client asked something.
#[derive(Debug)]
pub struct Asked {
    /// What.
    pub request: Request,
    /// Where the answer goes.
    pub replier: Replier,
}

/// Answers one request. Dropped without an answer, it says that the launcher is ending.
#[derive(Debug)]
pub struct Replier {
    lines: mpsc::Sender<Reply>,
    last: oneshot::Sender<Reply>,
}

/// The client's end of it.
pub(crate) struct Lines {
    lines: mpsc::Receiver<Reply>,
    last: oneshot::Receiver<Reply>,
}

/// What the client is told next.
pub(crate) enum Next {
    Line(Reply),
    Last(Reply),
}

pub(crate) fn pair() -> (Replier, Lines) {
    let (lines, lines_of) = mpsc::channel(WAITING);
    let (last, last_of) = oneshot::channel();
    let lines_of = Lines {
        lines: lines_of,
        last: last_of,
    };
    (Replier { lines, last }, lines_of)
}

impl Replier {
    /// Tells how far it is. Left out when the client is slow to read.
    pub fn progress(&self, phase: Phase, component: &str, done: u64, total: u64) {
        let line = Reply::Progress {
            phase,
            component: component.to_owned(),
            done,
            total,
        };
        let _ = self.lines.try_send(line);
    }

    /// Whether the client is gone. What it asked for is done all the same.
    pub fn is_alone(&self) -> bool {
        self.last.is_closed()
    }

    /// It was done.
    pub fn done(self, answer: Answer) {
        let _ = self.last.send(Reply::Done { answer });
    }

    /// It was not done.
    pub fn refused(self, reason: RefusedFor, detail: impl Into<String>) {
        let _ = self.last.send(Reply::refused(reason, detail));
    }
}

impl Lines {
    /// Waits for the next line: all progress that was made first, the end then. Cancelling the
    /// wait loses nothing.
    pub(crate) async fn next(&mut self) -> Next {
        if let Some(line) = self.lines.recv().await {
            return Next::Line(line);
        }
        // The other end is gone, so the last word is spoken, or never will be.
        Next::Last((&mut self.last).await.unwrap_or_else(|_| {
            Reply::refused(
                RefusedFor::Stopping,
                "the launcher ended before it was done; ask again when the next one runs",
            )
        }))
    }
}
