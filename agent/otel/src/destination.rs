//! Where a signal goes and how: the `OTEL_EXPORTER_OTLP_*` variables of
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>. Pure.
//!
//! As with the peer, gRPC is the default, not HTTP. Headers and compression are read by the
//! exporter itself.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Numbers.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// The word in the names of its variables.
    fn word(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
            Self::Logs => "LOGS",
        }
    }

    /// Path below the endpoint that all signals share, over HTTP.
    fn path(self) -> &'static str {
        match self {
            Self::Traces => "v1/traces",
            Self::Metrics => "v1/metrics",
            Self::Logs => "v1/logs",
        }
    }

    /// Path of the call, over gRPC.
    fn call(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }
}

/// How a collector is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP over gRPC.
    Grpc,
    /// Protobuf over HTTP.
    Http,
}

/// Where a signal goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    /// How.
    pub protocol: Protocol,
    /// The whole address of the call. Its path may hold a key: messages name
    /// [`Destination::origin`].
    pub(crate) address: Url,
    /// Longest time for one export.
    pub(crate) timeout: Duration,
    /// File of a certificate that the collector's is checked against besides those of the system.
    pub(crate) certificate: Option<PathBuf>,
}

/// Without the path, which may hold a key.
impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} to {}", self.protocol, self.origin())
    }
}

/// Why there is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// A protocol that is not there.
    #[error("{variable} is {value:?}; set it to grpc or http/protobuf")]
    Protocol {
        /// The variable that says so.
        variable: String,
        /// What it says.
        value: String,
    },
    /// An address that is none. It is not repeated, for it may hold a key.
    #[error("{0} is no address of a collector; set it to one such as http://localhost:4317")]
    Endpoint(String),
}

const TIMEOUT: Duration = Duration::from_secs(10);

impl Destination {
    /// The destination of `signal` that variables name; `get` looks one up.
    pub fn resolve(
        signal: Signal,
        get: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, DestinationError> {
        let own = |what: &str| format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.word());
        let shared = |what: &str| format!("OTEL_EXPORTER_OTLP_{what}");
        let filled = |name: String| {
            get(&name)
                .filter(|text| !text.is_empty())
                .map(|text| (name, text))
        };
        let either = |what| filled(own(what)).or_else(|| filled(shared(what)));
        let protocol = match either("PROTOCOL") {
            None => Protocol::Grpc,
            Some((variable, value)) => match value.as_str() {
                "grpc" => Protocol::Grpc,
                "http/protobuf" | "http" => Protocol::Http,
                _ => return Err(DestinationError::Protocol { variable, value }),
            },
        };
        let insecure =
            either("INSECURE").is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
        let (base, complete) = match (filled(own("ENDPOINT")), filled(shared("ENDPOINT"))) {
            (Some((name, text)), _) => (address(name, &text, insecure)?, true),
            (None, Some((name, text))) => (address(name, &text, insecure)?, false),
            (None, None) => (default_address(protocol), false),
        };
        let timeout = either("TIMEOUT").and_then(|(_, text)| text.parse().ok());
        Ok(Self {
            protocol,
            address: match protocol {
                Protocol::Grpc => with_path(base, signal.call()),
                Protocol::Http if complete => base,
                Protocol::Http => below(base, signal.path()),
            },
            timeout: timeout.map_or(TIMEOUT, Duration::from_millis),
            certificate: either("CERTIFICATE").map(|(_, path)| PathBuf::from(path)),
        })
    }

    /// Scheme, host and port: what messages say.
    pub fn origin(&self) -> String {
        origin(&self.address)
    }
}

/// Scheme, host and port of an address; what stands in it besides may be a secret.
pub(crate) fn origin(address: &Url) -> String {
    address.origin().ascii_serialization()
}

/// A bare `host:port` is fine for gRPC; it is secure unless told otherwise.
fn address(variable: String, text: &str, insecure: bool) -> Result<Url, DestinationError> {
    let whole = match text.contains("://") {
        true => text.to_owned(),
        false if insecure => format!("http://{text}"),
        false => format!("https://{text}"),
    };
    Url::parse(&whole)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or(DestinationError::Endpoint(variable))
}

fn default_address(protocol: Protocol) -> Url {
    let text = match protocol {
        Protocol::Grpc => "http://localhost:4317",
        Protocol::Http => "http://localhost:4318",
    };
    Url::parse(text).expect("the default addresses are addresses")
}

fn with_path(mut base: Url, path: &str) -> Url {
    base.set_path(path);
    base.set_query(None);
    base
}

fn below(mut base: Url, path: &str) -> Url {
    let path = format!("{}/{path}", base.path().trim_end_matches('/'));
    base.set_path(&path);
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(
        signal: Signal,
        variables: &[(&str, &str)],
    ) -> Result<Destination, DestinationError> {
        Destination::resolve(signal, |name| {
            let name = format!(
                "OTEL_EXPORTER_OTLP_{}",
                name.strip_prefix("OTEL_EXPORTER_OTLP_")?
            );
            let found = variables
                .iter()
                .find(|(key, _)| name == format!("OTEL_EXPORTER_OTLP_{key}"));
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn addresses_follow_the_standard() {
        const TRACE: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        let grpc = |base: &str| format!("{base}{TRACE}");
        let http = ("PROTOCOL", "http/protobuf");
        for (variables, wanted) in [
            (vec![], grpc("http://localhost:4317")),
            (vec![http], "http://localhost:4318/v1/traces".into()),
            (
                vec![("TRACES_PROTOCOL", "http")],
                "http://localhost:4318/v1/traces".into(),
            ),
            (
                vec![http, ("ENDPOINT", "https://c/base/")],
                "https://c/base/v1/traces".into(),
            ),
            (
                vec![http, ("TRACES_ENDPOINT", "https://c/base")],
                "https://c/base".into(),
            ),
            (vec![("ENDPOINT", "http://c:1/x?y")], grpc("http://c:1")),
            (vec![("ENDPOINT", "c:4317")], grpc("https://c:4317")),
            (
                vec![("ENDPOINT", "c:4317"), ("INSECURE", "true")],
                grpc("http://c:4317"),
            ),
            (vec![("ENDPOINT", "")], grpc("http://localhost:4317")),
            (
                vec![("TRACES_PROTOCOL", "grpc"), http, ("ENDPOINT", "http://c")],
                grpc("http://c"),
            ),
        ] {
            let found = resolve(Signal::Traces, &variables).expect("a destination");
            assert_eq!(found.address.as_str(), wanted, "{variables:?}");
        }
        let logs = resolve(Signal::Logs, &[http, ("TRACES_ENDPOINT", "http://t")]);
        let address = logs.expect("a destination").address;
        assert_eq!(address.as_str(), "http://localhost:4318/v1/logs");
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_repeating_a_key() {
        let error = resolve(Signal::Traces, &[("PROTOCOL", "http/json")]).expect_err("refused");
        assert!(
            error
                .to_string()
                .starts_with("OTEL_EXPORTER_OTLP_PROTOCOL is \"http/json\"")
        );
        for endpoint in ["ftp://c/secret", "http://", "https://:0/secret"] {
            let error = resolve(Signal::Logs, &[("LOGS_ENDPOINT", endpoint)]).expect_err(endpoint);
            let text = error.to_string();
            assert!(
                text.starts_with("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is no"),
                "{text}"
            );
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn the_path_of_a_collector_is_not_shown() {
        let variables = [
            ("PROTOCOL", "http"),
            ("ENDPOINT", "https://c:8/ingest/k3y?z=k3y"),
        ];
        let found = resolve(Signal::Traces, &variables).expect("a destination");
        assert_eq!(found.origin(), "https://c:8");
        assert_eq!(format!("{found:?}"), "Http to https://c:8");
    }
}
