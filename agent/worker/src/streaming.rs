//! A worker's stream: opened, read, and opened again, beside whatever the worker does.
//!
//! What the stream says goes through the [`Baton`]; the worker's source asks that one when the worker
//! is free. Nothing is decided here, and nothing wakes up while an open stream is silent.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use agent_metrics::{Event, Source};
use agent_ping_stream::{Class, Message, Opener, PingStream, StreamError};
use shared_client::{Pacing as _, RealPacing};
use shared_protocol::{AgentId, JobId};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::Instrument as _;

use crate::backoff::Backoff;
use crate::baton::{Baton, PingMode, Turn};
use crate::debounce::Word;
use crate::leash::Leash;
use crate::line::Line;

/// Longest time without both a stream and pings: a new stream that says nothing for so long is not
/// one that continues the last.
const GAP: Duration = Duration::from_secs(10);

/// The stream of one worker, until it is dropped.
#[derive(Debug)]
pub(crate) struct Streaming {
    desk: Rc<Desk>,
    task: JoinHandle<()>,
}

/// Where the stream and the worker meet.
#[derive(Debug)]
struct Desk {
    baton: RefCell<Baton>,
    /// Why there will be no stream.
    over: RefCell<Option<StreamError>>,
    /// What kept the stream from being there, until it is.
    trouble: RefCell<Option<String>>,
    changed: Notify,
    leash: Leash,
}

impl Streaming {
    /// Opens the stream of the worker on this leash, which the endpoint knows by this id, and keeps it
    /// open. Has to be called in a [`LocalSet`](tokio::task::LocalSet).
    pub(crate) fn start(mode: PingMode, line: Line, leash: Leash, agent: AgentId) -> Self {
        let slot = leash.slot;
        let desk = Rc::new(Desk {
            baton: RefCell::new(Baton::new(mode)),
            over: RefCell::default(),
            trouble: RefCell::default(),
            changed: Notify::new(),
            leash,
        });
        let reader = Reader {
            desk: Rc::clone(&desk),
            opener: Opener::new(line.client().transport().lane(slot)),
            backoff: Backoff::default(),
            proven: false,
            line,
            agent,
        };
        let task = tokio::task::spawn_local(reader.run().in_current_span());
        Self { desk, task }
    }

    /// Whose turn it is.
    pub(crate) fn turn(&self) -> Turn {
        self.desk.baton.borrow_mut().turn()
    }

    /// Ends when the turn may have changed.
    pub(crate) async fn changed(&self) {
        self.desk.changed.notified().await;
    }

    /// Why there will be no stream, if that is so.
    pub(crate) fn over(&self) -> Option<StreamError> {
        self.desk.over.borrow().clone()
    }

    /// Whether the stream is there, or why not; nothing if there was none so far.
    pub(crate) fn health(&self) -> Option<Result<(), String>> {
        match self.desk.trouble.borrow().clone() {
            Some(trouble) => Some(Err(trouble)),
            None => self.desk.baton.borrow().is_streaming().then_some(Ok(())),
        }
    }

    /// A ping was answered.
    pub(crate) fn polled(&self) {
        self.desk.baton.borrow_mut().polled();
    }

    /// The worker begins a job.
    pub(crate) fn job_began(&self, job: JobId) {
        self.desk.baton.borrow_mut().job_began(job);
    }

    /// The worker is free again.
    pub(crate) fn job_ended(&self, ran: bool) {
        self.desk.baton.borrow_mut().job_ended(ran);
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Desk {
    fn heard(&self, message: Message) {
        let word = match message {
            Message::Alive => None,
            Message::Resume => Some(Word::Resume),
            Message::Job(job) => Some(Word::Job(job)),
            Message::Pause { reason } => {
                tracing::info!(reason, "the endpoint asks this worker to pause");
                Some(Word::Pause)
            }
            Message::Disconnect { reason } => {
                tracing::info!(reason, "the endpoint asks this worker to disconnect");
                Some(Word::Disconnect)
            }
        };
        if self.baton.borrow_mut().heard(word) {
            tracing::debug!("the endpoint streams pings");
            self.listens_to(Source::Stream);
            self.trouble.take();
        }
        self.changed.notify_one();
    }

    fn listens_to(&self, source: Source) {
        self.leash
            .record(|worker| Event::ListensTo { worker, source });
    }

    fn lost(&self, why: String) {
        if self.baton.borrow_mut().lost() {
            tracing::debug!("the stream of pings broke: {why}");
            self.listens_to(Source::Polling);
        }
        self.trouble.replace(Some(why));
        self.changed.notify_one();
    }

    fn ended(&self, error: StreamError) {
        tracing::debug!("no stream of pings: {error}");
        self.baton.borrow_mut().ended();
        self.listens_to(Source::Polling);
        self.over.replace(Some(error));
        self.changed.notify_one();
    }
}

/// Reads one stream after the other.
struct Reader {
    desk: Rc<Desk>,
    opener: Opener,
    backoff: Backoff,
    /// The endpoint has streamed before.
    proven: bool,
    line: Line,
    agent: AgentId,
}

impl Reader {
    /// Ends when there will be no further stream.
    async fn run(mut self) {
        loop {
            let window = self.backoff.window(Instant::now(), RealPacing.random());
            sleep_until(window.opens).await;
            let Err(error) = self.read().await;
            match error.class() {
                Class::Recycled => tracing::debug!("the stream of pings is renewed: {error}"),
                Class::Refused => return self.desk.ended(error),
                Class::Foreign if !self.proven => return self.desk.ended(error),
                Class::Passing | Class::Foreign => self.desk.lost(error.to_string()),
            }
            sleep_until(window.ends).await;
        }
    }

    /// One stream, from before it is there to its end.
    async fn read(&mut self) -> Result<std::convert::Infallible, StreamError> {
        let (mut stream, mut message) = self.first().await?;
        self.proven = true;
        loop {
            self.backoff.healthy();
            self.desk.heard(message);
            message = stream.next().await?;
        }
    }

    /// Opens a stream and waits for its first message.
    async fn first(&mut self) -> Result<(PingStream, Message), StreamError> {
        let client = self.line.client();
        let (opener, agent, scout) = (&mut self.opener, &self.agent, &self.desk.leash.scout);
        let mut first = Box::pin(async {
            let turn = scout.turn(client.endpoint()).await?;
            let answer = opener.open(&client, agent.as_str()).await;
            scout.learned(client.endpoint(), answer.as_ref().err());
            drop(turn);
            let mut stream = answer?;
            let message = stream.next().await?;
            Ok((stream, message))
        });
        if self.desk.baton.borrow().is_streaming() {
            tokio::select! {
                first = &mut first => return first,
                () = sleep(GAP) => {
                    self.desk.lost("the next one says nothing".to_owned());
                },
            }
        }
        first.await
    }
}
