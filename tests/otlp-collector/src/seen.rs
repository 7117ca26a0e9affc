//! What the collector received, in a form that tests compare.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// Attributes as texts.
pub type Texts = BTreeMap<String, String>;

/// Everything.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Calls, whether they were taken or not.
    pub calls: Vec<Call>,
    /// Spans that were taken, in the order they came in.
    pub spans: Vec<Seen>,
    /// Log records that were taken.
    pub lines: Vec<Line>,
    /// Points of metrics that were taken.
    pub numbers: Vec<Number>,
}

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its path.
    pub path: String,
    /// Its headers.
    pub headers: Texts,
}

/// A span.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// Its trace, in hexadecimal digits.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// The id of the span it is inside of, or nothing.
    pub parent: String,
    /// What is known of it.
    pub attributes: Texts,
    /// What is known of the job.
    pub resource: Texts,
    /// Messages of the errors that were noted in it.
    pub errors: Vec<String>,
    /// Whether it failed.
    pub failed: bool,
}

/// A log record.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it says.
    pub text: String,
    /// Its trace, or nothing.
    pub trace: String,
    /// The span it belongs to.
    pub span: String,
    /// When, in nanoseconds since 1970.
    pub time: u64,
    /// What is known of it.
    pub attributes: Texts,
    /// What is known of whoever wrote it.
    pub resource: Texts,
}

/// One point of a metric.
#[derive(Debug, Clone)]
pub struct Number {
    /// The metric.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// How many were counted.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// What they were counted for.
    pub attributes: Texts,
    /// Who counted.
    pub resource: Texts,
}

fn texts(pairs: &[KeyValue]) -> Texts {
    let pairs = pairs.iter();
    pairs
        .map(|pair| (pair.key.clone(), text(pair.value.as_ref())))
        .collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(yes)) => yes.to_string(),
        Some(Value::BytesValue(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn of(resource: Option<&Resource>) -> Texts {
    resource.map_or_else(Texts::new, |resource| texts(&resource.attributes))
}

impl Received {
    /// The only span of this name.
    ///
    /// # Panics
    /// If there is none, or there are more.
    pub fn span(&self, name: &str) -> &Seen {
        let found: Vec<_> = self.spans.iter().filter(|span| span.name == name).collect();
        let names: Vec<_> = self.spans.iter().map(|span| &span.name).collect();
        assert_eq!(found.len(), 1, "{name} among {names:?}");
        found[0]
    }

    /// Names of the spans from the outermost to this one.
    ///
    /// # Panics
    /// If there is no such span.
    pub fn way_to(&self, name: &str) -> Vec<&str> {
        let mut way = Vec::new();
        let mut span = Some(self.span(name));
        while let Some(inner) = span {
            way.insert(0, inner.name.as_str());
            span = self.spans.iter().find(|span| span.id == inner.parent);
        }
        way
    }

    pub(crate) fn add_spans(&mut self, request: &ExportTraceServiceRequest) {
        for group in &request.resource_spans {
            let resource = of(group.resource.as_ref());
            for span in group.scope_spans.iter().flat_map(|scope| &scope.spans) {
                self.spans.push(Seen {
                    name: span.name.clone(),
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    attributes: texts(&span.attributes),
                    resource: resource.clone(),
                    errors: span
                        .events
                        .iter()
                        .flat_map(|event| texts(&event.attributes).into_values())
                        .collect(),
                    failed: span.status.as_ref().is_some_and(|status| status.code == 2),
                });
            }
        }
    }

    pub(crate) fn add_lines(&mut self, request: &ExportLogsServiceRequest) {
        for group in &request.resource_logs {
            let resource = of(group.resource.as_ref());
            for record in group.scope_logs.iter().flat_map(|scope| &scope.log_records) {
                self.lines.push(Line {
                    text: text(record.body.as_ref()),
                    trace: hex(&record.trace_id),
                    span: hex(&record.span_id),
                    time: record.time_unix_nano,
                    attributes: texts(&record.attributes),
                    resource: resource.clone(),
                });
            }
        }
    }

    pub(crate) fn add_numbers(&mut self, request: &ExportMetricsServiceRequest) {
        for group in &request.resource_metrics {
            let resource = of(group.resource.as_ref());
            for metric in group.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
                let number = |attributes: &[KeyValue], count, sum| Number {
                    name: metric.name.clone(),
                    unit: metric.unit.clone(),
                    count,
                    sum,
                    attributes: texts(attributes),
                    resource: resource.clone(),
                };
                match &metric.data {
                    Some(Data::Histogram(histogram)) => {
                        let points = histogram.data_points.iter();
                        self.numbers.extend(points.map(|point| {
                            number(&point.attributes, point.count, point.sum.unwrap_or(0.0))
                        }));
                    }
                    Some(Data::Sum(sum)) => {
                        self.numbers.extend(sum.data_points.iter().map(|point| {
                            let count = match point.value {
                                Some(number_data_point::Value::AsInt(count)) => count,
                                _ => 0,
                            };
                            let count = u64::try_from(count).unwrap_or_default();
                            number(&point.attributes, count, 0.0)
                        }));
                    }
                    _ => {}
                }
            }
        }
    }
}
