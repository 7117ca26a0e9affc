//! Lines of a log as records for a collector.
//!
//! Records are sent by a task of their own. While a collector takes them, none is left out: whoever
//! writes waits when it falls behind ([`LogLines::room`]). One that does not answer is left alone
//! for a while, and what is written meanwhile is given up, counted: a job is not held up by a
//! collector for longer than one try, each time.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::trace::SpanContext;
use opentelemetry::{InstrumentationScope, Key, KeyValue, StringValue};
use opentelemetry_otlp::LogExporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    LogBatch, LogExporter as _, LogProcessor, SdkLogRecord, SdkLogger, SdkLoggerProvider,
};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::destination::Destination;
use crate::lines::{Lines, Record};
use crate::resource::Origin;
use crate::spans::{SpansError, Unsent};
use crate::transport::{Trouble, aimed};

/// How long records wait for others before they are sent.
const GATHERING: Duration = Duration::from_secs(1);
/// Bytes of one export, which stays below the 4 MiB that gRPC servers take.
const BATCH: usize = 1024 * 1024;
/// What a record takes beside its text. An empty line is not free.
const RECORD: usize = 1024;
/// Bytes that may wait before whoever writes waits.
const MOST_WAITING: usize = 2 * BATCH;
/// Longest time for one export, so that a silent collector does not hold up a job for longer.
const LONGEST_EXPORT: Duration = Duration::from_secs(5);
/// How long a collector that failed is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(30);

/// A log that goes to a collector, too.
#[derive(Debug)]
pub struct LogLines {
    lines: Lines,
    cut: Vec<Record>,
    logger: SdkLogger,
    provider: SdkLoggerProvider,
    attributes: Vec<(Key, AnyValue)>,
    /// The span that lines belong to from now on.
    span: SpanContext,
    shared: Arc<Shared>,
    trouble: Trouble,
    last: oneshot::Sender<()>,
    sending: JoinHandle<()>,
}

impl LogLines {
    /// Begins; every record gets these attributes. Needs a tokio runtime; nothing is connected
    /// before the first line.
    pub fn start(
        to: &Destination,
        origin: &Origin,
        attributes: Vec<KeyValue>,
    ) -> Result<Self, SpansError> {
        let trouble = Trouble::default();
        let to = Destination {
            timeout: to.timeout.min(LONGEST_EXPORT),
            ..to.clone()
        };
        let builder = LogExporter::builder().with_http();
        let mut exporter = aimed(builder, &to, &trouble)?.build()?;
        let resource = origin.resource();
        exporter.set_resource(&resource);
        let shared = Arc::new(Shared::default());
        let provider = SdkLoggerProvider::builder()
            .with_resource(resource)
            .with_log_processor(Gather(Arc::clone(&shared)))
            .build();
        let (last, ending) = oneshot::channel();
        let sending = tokio::spawn(send(Arc::clone(&shared), exporter, ending));
        // Each record has them, but not a copy of their texts.
        let attributes = attributes.into_iter().map(|KeyValue { key, value, .. }| {
            let text: Arc<str> = value.to_string().into();
            (key, AnyValue::from(StringValue::from(text)))
        });
        Ok(Self {
            lines: Lines::default(),
            cut: Vec::new(),
            logger: provider.logger_with_scope(origin.scope()),
            provider,
            attributes: attributes.collect(),
            span: SpanContext::NONE,
            shared,
            trouble,
            last,
            sending,
        })
    }

    /// Adds bytes of the log, which came now.
    pub fn push(&mut self, bytes: &[u8], now: SystemTime) {
        self.lines.push(bytes, now, &mut self.cut);
        self.emit();
    }

    /// What comes from now on belongs to another span; a line that has not ended is cut.
    pub fn belong_to(&mut self, span: SpanContext, now: SystemTime) {
        self.lines.flush(now, &mut self.cut);
        self.emit();
        self.span = span;
    }

    /// Waits until the collector has caught up, or is found not to answer.
    pub async fn room(&self) {
        loop {
            let room = self.shared.room.notified();
            if self.shared.lock().bytes <= MOST_WAITING {
                return;
            }
            room.await;
        }
    }

    /// Ends the log and sends what is left, for `limit` at most. Says what was not taken.
    pub async fn finish(mut self, now: SystemTime, limit: Duration) -> Result<(), Unsent> {
        self.belong_to(SpanContext::NONE, now);
        drop((self.logger, self.provider));
        let _ = self.last.send(());
        if timeout(limit, &mut self.sending).await.is_err() {
            self.sending.abort();
        }
        let waiting = self.shared.lock();
        let lost = waiting.given_up + waiting.records.len() + waiting.under_way;
        if lost == 0 {
            return Ok(());
        }
        let trouble = self.trouble.last();
        let trouble = trouble.unwrap_or_else(|| "it does not answer in time".to_owned());
        Err(Unsent(format!("{lost} lines are missing there: {trouble}")))
    }

    fn emit(&mut self) {
        for Record { text, time } in self.cut.drain(..) {
            let mut record = self.logger.create_log_record();
            record.set_timestamp(time);
            record.set_severity_number(Severity::Info);
            record.set_severity_text("INFO");
            record.set_body(AnyValue::from(text));
            record.add_attributes(self.attributes.iter().cloned());
            if self.span.is_valid() {
                let (trace, id) = (self.span.trace_id(), self.span.span_id());
                record.set_trace_context(trace, id, Some(self.span.trace_flags()));
            }
            self.logger.emit(record);
        }
    }
}

/// Records that were not sent yet.
#[derive(Debug, Default)]
struct Waiting {
    records: Vec<SdkLogRecord>,
    scope: Option<InstrumentationScope>,
    bytes: usize,
    /// Records of the export that goes on.
    under_way: usize,
    /// Records nobody will take.
    given_up: usize,
    /// The collector is left alone: nothing waits for it.
    alone: bool,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    some: Notify,
    full: Notify,
    room: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is sent next.
    fn take(&self) -> (Vec<SdkLogRecord>, Option<InstrumentationScope>) {
        let mut waiting = self.lock();
        let mut bytes = 0;
        let fits = waiting.records.iter().take_while(|record| {
            bytes += length(record);
            bytes <= BATCH
        });
        let count = fits.count();
        let rest = waiting.records.split_off(count);
        let batch = mem::replace(&mut waiting.records, rest);
        waiting.bytes = waiting.records.iter().map(length).sum();
        waiting.under_way = batch.len();
        (batch, waiting.scope.clone())
    }

    /// An export ended.
    fn took(&self, taken: bool) {
        let mut waiting = self.lock();
        let under_way = mem::take(&mut waiting.under_way);
        if taken {
            waiting.alone = false;
        } else {
            waiting.given_up += under_way + waiting.records.len();
            waiting.records.clear();
            waiting.bytes = 0;
            waiting.alone = true;
        }
        drop(waiting);
        self.room.notify_waiters();
    }
}

/// Its text, and what is about the same for all.
fn length(record: &SdkLogRecord) -> usize {
    let text = match record.body() {
        Some(AnyValue::String(text)) => text.as_str().len(),
        _ => 0,
    };
    RECORD + text
}

/// What the SDK gives records to.
#[derive(Debug)]
struct Gather(Arc<Shared>);

impl LogProcessor for Gather {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        let mut waiting = self.0.lock();
        if waiting.alone {
            waiting.given_up += 1;
            return;
        }
        waiting.bytes += length(record);
        waiting.records.push(record.clone());
        waiting.scope.get_or_insert_with(|| scope.clone());
        self.0.some.notify_one();
        if waiting.bytes >= BATCH {
            self.0.full.notify_one();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Sends records until told that nothing comes any more. Wakes up only when there are some.
async fn send(shared: Arc<Shared>, exporter: LogExporter, mut ending: oneshot::Receiver<()>) {
    let gathered = async || {
        shared.some.notified().await;
        let _ = timeout(GATHERING, shared.full.notified()).await;
    };
    let mut over = false;
    while !over {
        tokio::select! {
            () = gathered() => {}
            _ = &mut ending => over = true,
        }
        if !send_all(&shared, &exporter).await && !over {
            tokio::select! {
                () = sleep(LEFT_ALONE) => shared.lock().alone = false,
                _ = &mut ending => over = true,
            }
        }
    }
}

/// Sends what waits; whether the collector took it.
async fn send_all(shared: &Shared, exporter: &LogExporter) -> bool {
    loop {
        let (batch, Some(scope)) = shared.take() else {
            return true;
        };
        if batch.is_empty() {
            return true;
        }
        let batch: Vec<_> = batch.iter().map(|record| (record, &scope)).collect();
        let taken = exporter.export(LogBatch::new(&batch)).await.is_ok();
        shared.took(taken);
        if !taken {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;
    use crate::Signal;

    #[tokio::test]
    async fn whoever_writes_waits_for_many_lines_without_text_too() {
        let to = Destination::resolve(Signal::Logs, |_| None).expect("a destination");
        let origin = Origin {
            service: "service".to_owned(),
            version: "1".to_owned(),
            attributes: Vec::new(),
        };
        let mut lines = LogLines::start(&to, &origin, Vec::new()).expect("a client");
        for (more, waits) in [(1000, false), (2000, true)] {
            lines.push(&vec![b'\n'; more], SystemTime::UNIX_EPOCH);
            let mut context = Context::from_waker(Waker::noop());
            let polled = pin!(lines.room()).poll(&mut context);
            assert_eq!(polled.is_pending(), waits, "{more} more");
        }
    }
}
