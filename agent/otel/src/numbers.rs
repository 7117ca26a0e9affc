//! How long jobs waited and ran, and how they ended, as metrics for a collector.
//!
//! Numbers are cumulative, and sent only after a job changed them, at most once an interval: an idle
//! agent sends nothing and is not woken.

use std::sync::{Arc, Weak};
use std::time::Duration;

use agent_metrics::{Event, JobFacts, Observer};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider};
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter as _;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{
    InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality,
};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::destination::Destination;
use crate::resource::Origin;
use crate::spans::SpansError;
use crate::transport::{Trouble, aimed};

/// Upper bounds of the histograms' buckets, in milliseconds: a second to four hours.
const BOUNDS: [f64; 12] = [
    1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 1.2e5, 3e5, 6e5, 1.8e6, 3.6e6, 1.44e7,
];
/// Between two exports, unless `OTEL_METRIC_EXPORT_INTERVAL` says otherwise.
const INTERVAL: Duration = Duration::from_mins(1);

/// Counts jobs; an [`Observer`] of the agent.
#[derive(Debug)]
pub struct JobNumbers {
    waited: Histogram<f64>,
    took: Histogram<f64>,
    finished: Counter<u64>,
    changed: Arc<Notify>,
}

/// The task that sends them.
#[derive(Debug)]
#[must_use]
pub struct Sending {
    last: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl JobNumbers {
    /// Begins to count. Needs a tokio runtime; nothing is connected before the first job.
    pub fn start(
        to: &Destination,
        origin: &Origin,
        interval: Option<Duration>,
    ) -> Result<(Self, Sending), SpansError> {
        let trouble = Trouble::default();
        let builder = MetricExporter::builder().with_http();
        let exporter = aimed(builder, to, &trouble)?.build()?;
        let reader = Reader(Arc::new(ManualReader::default()));
        let provider = SdkMeterProvider::builder()
            .with_resource(origin.resource())
            .with_reader(reader.clone())
            .build();
        let meter = provider.meter_with_scope(origin.scope());
        let histogram = |name| {
            let builder = meter.f64_histogram(name).with_unit("ms");
            builder.with_boundaries(BOUNDS.to_vec()).build()
        };
        let (waited, took) = (histogram("queue.duration"), histogram("jobs.duration"));
        let changed = Arc::new(Notify::new());
        let (last, ending) = oneshot::channel();
        let finished = meter.u64_counter("jobs.finished").build();
        let task = tokio::spawn(send(Outgoing {
            reader,
            _provider: provider,
            exporter,
            trouble,
            to: to.origin(),
            changed: Arc::clone(&changed),
            interval: interval.unwrap_or(INTERVAL),
            ending,
        }));
        let numbers = Self {
            waited,
            took,
            finished,
            changed,
        };
        Ok((numbers, Sending { last, task }))
    }
}

impl Observer for JobNumbers {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::JobStarted { job, .. } => {
                let Some(waited) = job.waited else { return };
                self.waited.record(milliseconds(waited), &attributes(job));
            }
            Event::JobExited {
                job,
                exit_status,
                took,
                ..
            } => {
                let mut attributes = attributes(job);
                attributes.push(KeyValue::new("exit_code", exit_status.to_string()));
                self.took.record(milliseconds(*took), &attributes);
                self.finished.add(1, &attributes);
            }
            _ => return,
        }
        self.changed.notify_one();
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn attributes(job: &JobFacts) -> Vec<KeyValue> {
    [
        ("agent_name", &job.agent_name),
        ("pipeline", &job.pipeline),
        ("org", &job.organization),
        ("branch", &job.branch),
        ("source", &job.source),
        ("queue", &job.queue),
    ]
    .map(|(name, value)| KeyValue::new(name, value.clone()))
    .to_vec()
}

impl Sending {
    /// Sends what is left, for `limit` at most.
    pub async fn finish(mut self, limit: Duration) {
        let _ = self.last.send(());
        if timeout(limit, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

struct Outgoing {
    reader: Reader,
    /// Numbers are gone with it, so it stays to the last export.
    _provider: SdkMeterProvider,
    exporter: MetricExporter,
    trouble: Trouble,
    /// Where to, for messages.
    to: String,
    changed: Arc<Notify>,
    interval: Duration,
    ending: oneshot::Receiver<()>,
}

async fn send(mut out: Outgoing) {
    let mut unsent = false;
    loop {
        let changed = async {
            out.changed.notified().await;
            sleep(out.interval).await;
        };
        let over = tokio::select! {
            biased;
            _ = &mut out.ending => true,
            () = changed => false,
        };
        let mut metrics = ResourceMetrics::default();
        let _ = out.reader.collect(&mut metrics); // fails only when nothing is counted any more
        let any = metrics.scope_metrics().next().is_some();
        let sent = !any || out.exporter.export(&metrics).await.is_ok();
        // Said once for each outage; the next export makes good what this one missed.
        if !sent {
            out.changed.notify_one();
            if !unsent {
                let trouble = out.trouble.last().unwrap_or_default();
                tracing::warn!("metrics did not reach {}: {trouble}", out.to);
            }
        }
        unsent = !sent;
        if over {
            return;
        }
    }
}

/// The reader, asked by the task that sends.
#[derive(Debug, Clone)]
struct Reader(Arc<ManualReader>);

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(limit)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}
