//! Where workers look for work: on a stream, by pings, or both.

use agent_worker::PingMode;
use shared_client::Endpoint;

use super::{ConfigError, Values};

/// The endpoint that wants to be told who streams.
const COUNTS_STREAMS: &str = "agent-edge.buildkite.com";

/// The mode. Streams need HTTP/2.
pub(super) fn ping_mode(values: &Values<'_>) -> Result<PingMode, ConfigError> {
    let mode = values.one_of(
        "ping-mode",
        &[
            ("auto", PingMode::Auto),
            ("poll-only", PingMode::PollOnly),
            ("ping-only", PingMode::PollOnly),
            ("stream-only", PingMode::StreamOnly),
        ],
    )?;
    match mode {
        PingMode::StreamOnly if values.switch("no-http2")? => Err(ConfigError::Conflict(
            "--ping-mode stream-only needs HTTP/2, which --no-http2 switches off; remove one of them",
        )),
        _ if values.switch("no-http2")? => Ok(PingMode::PollOnly),
        mode => Ok(mode),
    }
}

/// Whether the endpoint is told of it among the features.
pub(super) fn is_feature(mode: PingMode, endpoint: &Endpoint) -> bool {
    mode != PingMode::PollOnly && endpoint.host() == COUNTS_STREAMS
}
