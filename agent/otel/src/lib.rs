//! OpenTelemetry of the agent and its executor: spans, metrics, log records, and the variables
//! that carry a trace from one process to the next.
//!
//! Nothing is set up unless somebody asked for it: no task, no connection, no client. What is asked
//! for runs on the caller's tokio runtime; this crate starts no thread, and no collector, however
//! slow or dead, fails a job or holds one up for longer than a stated limit.
//!
//! Values of headers and paths of collectors are never in messages: both can hold credentials.

mod destination;
mod headers;
mod lines;
mod logs;
mod numbers;
pub mod propagation;
mod resource;
mod spans;
pub mod traceparent;
mod transport;

pub use destination::{Destination, DestinationError, Protocol, Signal};
pub use headers::header_values;
pub use logs::LogLines;
pub use numbers::{JobNumbers, Sending};
pub use opentelemetry::KeyValue as Attribute;
pub use resource::Origin;
pub use spans::{Spans, SpansError, Unsent};

/// What instruments are called in front of a collector: the name that dashboards know.
const SCOPE: &str = "buildkite-agent";
