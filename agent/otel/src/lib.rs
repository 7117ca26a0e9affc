//! OpenTelemetry of the agent and its executor: spans, metrics, log records, and the headers and
//! variables that carry a trace from one process to the next.
//!
//! Nothing is set up unless somebody asked for it: an agent without it pays nothing.
