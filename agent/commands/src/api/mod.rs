//! What all subcommands that speak to the endpoint have in common: whom they ask, with which token,
//! over which connections. Each is a file beside this one and names these flags among its own.
//!
//! The environment of a job brings the token, the address and the headers that the endpoint asked
//! for, so a hook calls them without any flag.

pub(crate) mod worker;

use shared_client::{Client, Endpoint, Transport};
use shared_protocol::header::header_of_variable;
use shared_protocol::{Secret, env as names};
use shared_telemetry::{Format, Output, Style};
use tracing::level_filters::LevelFilter;

use crate::error::CommandError;
use crate::given::{Flag, Given, Kind};

pub(crate) const TOKEN: Flag = Flag::text(
    "agent-access-token",
    names::AGENT_ACCESS_TOKEN,
    "",
    "token of the worker or the job",
);
pub(crate) const ENDPOINT: Flag = Flag::text(
    "endpoint",
    names::AGENT_ENDPOINT,
    "https://agent-edge.buildkite.com/v3",
    "base address of the Agent API",
);
pub(crate) const NO_HTTP2: Flag = Flag {
    name: "no-http2",
    variable: "BUILDKITE_NO_HTTP2",
    kind: Kind::Switch,
    default: "",
    help: "talk to the endpoint over HTTP/1.1 only",
};
pub(crate) const DEBUG_HTTP: Flag = Flag {
    name: "debug-http",
    variable: "BUILDKITE_AGENT_DEBUG_HTTP",
    kind: Kind::Switch,
    default: "",
    help: "tell of each request and its answer, without bodies and tokens",
};
pub(crate) const TRACE_HTTP: Flag = Flag {
    name: "trace-http",
    variable: "BUILDKITE_AGENT_TRACE_HTTP",
    kind: Kind::Switch,
    default: "",
    help: "as --debug-http, with headers and times",
};

/// The client that the flags and the environment ask for. Attempts that failed are told on standard
/// error from now on.
pub(crate) fn client(given: &Given) -> Result<Client, CommandError> {
    let token = given.text(TOKEN.name);
    if token.is_empty() {
        return Err(CommandError::Missing {
            flag: TOKEN.name,
            variable: TOKEN.variable,
        });
    }
    let requests = if given.switch(TRACE_HTTP.name)? {
        LevelFilter::TRACE
    } else if given.switch(DEBUG_HTTP.name)? {
        LevelFilter::DEBUG
    } else {
        LevelFilter::OFF
    };
    let style = Style {
        level: LevelFilter::WARN,
        format: Format::Text,
        output: Output::Stderr,
        target: Some((shared_client::REQUESTS, requests)),
    };
    // Only the first command of a process finds nobody there, and there is only one.
    let _ = shared_telemetry::init_in(style, None);
    let endpoint = Endpoint::parse(given.text(ENDPOINT.name))?;
    let mut transport = Transport::new(given.stamp)?;
    if given.switch(NO_HTTP2.name)? {
        transport = transport.without_http2()?;
    }
    let wanted = std::env::vars_os().filter_map(|(name, value)| {
        let header = header_of_variable(name.to_str()?)?;
        Some((header, value.into_string().ok()?))
    });
    Ok(
        Client::new(transport, endpoint, Secret::new(token))
            .with_request_headers(&wanted.collect()),
    )
}
