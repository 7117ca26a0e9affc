//! Names of HTTP headers that the Agent API gives a meaning.

/// `Buildkite-Timeout-Milliseconds`: how long the caller will still wait for this answer.
pub const TIMEOUT_MILLISECONDS: &str = "Buildkite-Timeout-Milliseconds";

/// Only server-specified headers whose name starts with this are kept and sent back.
pub const REQUEST_HEADER_PREFIX: &str = "Buildkite-";

/// `Trireme-Release-Serial`: in the answer to a ping, the serial of the release this worker's host
/// should run, as a decimal number. Endpoints other than Trireme's server do not send it.
pub const RELEASE_SERIAL: &str = "Trireme-Release-Serial";
