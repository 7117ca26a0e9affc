//! Spans of one piece of work that goes on step by step: at any time there is one innermost span,
//! and the next begins inside it.
//!
//! Spans that ended are sent by a task of their own every few seconds, and the rest at the end,
//! within a limit. When nobody takes them they are given up: memory is bounded, and the work does
//! not notice.

use std::borrow::Cow;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::trace::{
    SpanBuilder, SpanContext, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter as _, SpanProcessor,
};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::destination::Destination;
use crate::propagation::Format;
use crate::resource::Origin;
use crate::transport::{TransportError, Trouble, aimed};

/// How long spans wait for others before they are sent.
const GATHERING: Duration = Duration::from_secs(5);
/// How many wait at most; more are given up.
const MOST_WAITING: usize = 2048;

/// Why nothing is traced.
#[derive(Debug, thiserror::Error)]
pub enum SpansError {
    /// There is no client for the collector.
    #[error(transparent)]
    Client(#[from] TransportError),
    /// A variable asks for something that the exporter cannot do.
    #[error("set up the exporter: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// The spans of one piece of work.
#[derive(Debug)]
pub struct Spans {
    tracer: SdkTracer,
    /// Its spans end with it.
    provider: SdkTracerProvider,
    formats: Vec<Format>,
    /// The caller's span first, if it is known, then ours from the outermost to the innermost.
    stack: Vec<Context>,
    waiting: Arc<Waiting>,
    trouble: Trouble,
    /// Tells the task that nothing comes any more.
    last: oneshot::Sender<()>,
    sending: JoinHandle<()>,
}

impl Spans {
    /// Begins to trace. `parent` is the caller's span; without it a trace of our own begins. Needs a
    /// tokio runtime; nothing is connected before the first span ends.
    pub fn start(
        to: &Destination,
        origin: &Origin,
        formats: Vec<Format>,
        parent: Option<SpanContext>,
    ) -> Result<Self, SpansError> {
        let trouble = Trouble::default();
        let builder = SpanExporter::builder().with_http();
        let mut exporter = aimed(builder, to, &trouble)?.build()?;
        let resource = origin.resource();
        exporter.set_resource(&resource);
        let waiting = Arc::new(Waiting::default());
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_span_processor(Gather(Arc::clone(&waiting)))
            .build();
        let (last, ending) = oneshot::channel();
        let sending = tokio::spawn(send(Arc::clone(&waiting), exporter, ending));
        Ok(Self {
            tracer: provider.tracer_with_scope(origin.scope()),
            provider,
            formats,
            stack: parent
                .map(|parent| Context::new().with_remote_span_context(parent))
                .into_iter()
                .collect(),
            waiting,
            trouble,
            last,
            sending,
        })
    }

    /// A span begins inside the innermost one.
    pub fn begin(&mut self, name: impl Into<Cow<'static, str>>, attributes: Vec<KeyValue>) {
        let parent = self.stack.last().cloned().unwrap_or_default();
        let span = SpanBuilder::from_name(name).with_attributes(attributes);
        let span = self.tracer.build_with_context(span, &parent);
        self.stack.push(parent.with_span(span));
    }

    /// Adds to the innermost span.
    pub fn add(&self, attribute: KeyValue) {
        if let Some(span) = self.stack.last() {
            span.span().set_attribute(attribute);
        }
    }

    /// Notes an error in the innermost span, which goes on.
    pub fn note(&self, error: &str) {
        if let Some(span) = self.stack.last() {
            let message = KeyValue::new("exception.message", error.to_owned());
            span.span().add_event("exception", vec![message]);
            span.span().set_status(Status::error("failed"));
        }
    }

    /// The innermost span ends.
    pub fn end(&mut self, error: Option<&str>) {
        if let Some(error) = error {
            self.note(error);
        }
        if let Some(span) = self.stack.pop() {
            span.span().end();
        }
    }

    /// The innermost span; of no trace when there is none.
    pub fn current(&self) -> SpanContext {
        self.stack
            .last()
            .map_or(SpanContext::NONE, |span| span.span().span_context().clone())
    }

    /// The variables that tell a child of the innermost span.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let span = self.current();
        if !span.is_valid() {
            return Vec::new();
        }
        let formats = self.formats.iter();
        formats.flat_map(|format| format.variables(&span)).collect()
    }

    /// Ends all spans and sends what is left, for `limit` at most. Says what was not taken.
    pub async fn finish(mut self, limit: Duration) -> Result<(), Unsent> {
        while !self.stack.is_empty() {
            self.end(None);
        }
        drop(self.provider); // no span comes any more
        let _ = self.last.send(());
        let in_time = timeout(limit, &mut self.sending).await.is_ok();
        if !in_time {
            self.sending.abort();
        }
        let given_up = self.waiting.given_up.load(Ordering::Relaxed);
        match self.trouble.last() {
            Some(trouble) => Err(Unsent(trouble)),
            None if !in_time => Err(Unsent(format!("it took longer than {limit:?}"))),
            None if given_up > 0 => Err(Unsent(format!("it refused {given_up} spans"))),
            None => Ok(()),
        }
    }
}

/// Why not everything reached the collector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsent(pub(crate) String);

/// Spans that ended and were not sent yet.
#[derive(Debug, Default)]
struct Waiting {
    spans: Mutex<Vec<SpanData>>,
    some: Notify,
    given_up: AtomicUsize,
}

impl Waiting {
    fn take(&self) -> Vec<SpanData> {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut spans)
    }
}

/// What the SDK gives ended spans to.
#[derive(Debug)]
struct Gather(Arc<Waiting>);

impl SpanProcessor for Gather {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        let mut spans = self.0.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() < MOST_WAITING {
            spans.push(span);
            self.0.some.notify_one();
        } else {
            self.0.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Sends spans until told that nothing comes any more. Wakes up only when there are some.
async fn send(waiting: Arc<Waiting>, exporter: SpanExporter, mut ending: oneshot::Receiver<()>) {
    let mut over = false;
    while !over {
        tokio::select! {
            () = async { waiting.some.notified().await; sleep(GATHERING).await } => {}
            _ = &mut ending => over = true,
        }
        let batch = waiting.take();
        let count = batch.len();
        if count > 0 && exporter.export(batch).await.is_err() {
            waiting.given_up.fetch_add(count, Ordering::Relaxed);
        }
    }
}
