//! What jobs are told about tracing: as the agent's own settings say, and where those are silent,
//! as the endpoint says when a worker registers. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use shared_protocol::agent::{TracingExporter, TracingPolicy};

/// Variables that say where spans go or with which credentials. Whoever sets one of them has
/// decided: then neither credentials of the endpoint go to a place that it did not name, nor the
/// other way round.
pub const DESTINATION: [&str; 4] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
];

/// The only backend that an endpoint can ask for.
const OPENTELEMETRY: &str = "opentelemetry";

/// How jobs are traced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobTracing {
    /// What traces are made for; none if nothing is traced.
    pub backend: Option<String>,
    /// Name of the service that spans come from.
    pub service: String,
    /// Whether jobs continue the trace that the endpoint names; `None` if nobody said so.
    pub propagate: Option<bool>,
    /// Whether the agent's own environment says where spans go.
    pub has_destination: bool,
    /// Where the endpoint wants them.
    pub exporter: Option<TracingExporter>,
}

impl JobTracing {
    /// With what the endpoint says, and a line about that for the agent's log. The agent's own
    /// settings win.
    pub fn with_policy(&self, policy: &TracingPolicy) -> (Self, String) {
        let ignored = |why: String| (self.clone(), format!("tracing policy ignored: {why}"));
        if policy.backend != OPENTELEMETRY {
            return ignored(format!("no backend is called {:?}", policy.backend));
        }
        if let Some(own) = self.backend.as_ref().filter(|own| *own != OPENTELEMETRY) {
            return ignored(format!("tracing-backend is {own}"));
        }
        let mut with = Self {
            backend: Some(OPENTELEMETRY.to_owned()),
            propagate: self.propagate.or(Some(policy.propagate_traceparent)),
            ..self.clone()
        };
        let mut told = format!("tracing policy: backend {OPENTELEMETRY}");
        let exporter = policy.exporter.as_ref();
        if let Some(exporter) = exporter.filter(|exporter| !exporter.endpoint.is_empty()) {
            if self.has_destination {
                told.push_str(", exporter ignored: the agent's environment names another");
            } else {
                let _ = write!(told, ", exporter {}", origin(&exporter.endpoint));
                with.exporter = Some(exporter.clone());
            }
        }
        (with, told)
    }

    /// Variables that overrule those of the job.
    pub(crate) fn fixed(&self) -> Vec<(&'static str, String)> {
        let Some(backend) = &self.backend else {
            return Vec::new();
        };
        let mut fixed = vec![
            ("BUILDKITE_TRACING_BACKEND", backend.clone()),
            ("BUILDKITE_TRACING_SERVICE_NAME", self.service.clone()),
        ];
        if self.propagate == Some(true) {
            let name = "BUILDKITE_TRACING_PROPAGATE_TRACEPARENT";
            fixed.push((name, "true".to_owned()));
        }
        fixed
    }

    /// Variables for a job that does not say itself where its spans go. Never for a file: the
    /// headers hold credentials.
    pub(crate) fn destination(
        &self,
        job: &BTreeMap<String, String>,
    ) -> Vec<(&'static str, String)> {
        let decided = DESTINATION.iter().any(|name| job.contains_key(*name));
        let Some(exporter) = self.exporter.as_ref().filter(|_| !decided) else {
            return Vec::new();
        };
        let all = [
            (
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                exporter.endpoint.clone(),
            ),
            (
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
                exporter.protocol.clone(),
            ),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", headers(exporter)),
        ];
        let said = all.into_iter().filter(|(_, value)| !value.is_empty());
        said.collect()
    }
}

/// As <https://opentelemetry.io/docs/specs/otel/protocol/exporter/> has them: names in order, values
/// percent-encoded, so that a comma in one does not end it.
fn headers(exporter: &TracingExporter) -> String {
    let pairs = exporter.headers.iter();
    let pairs = pairs.map(|(name, value)| format!("{name}={}", encoded(value.expose())));
    pairs.collect::<Vec<_>>().join(",")
}

/// Everything but what may stand in a path. A `+` too, for some readers take it for a blank.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~$&=:@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// Scheme and host: a path or a query may hold a key.
fn origin(endpoint: &str) -> String {
    let parts = endpoint.split_once("://");
    let parts = parts.map(|(scheme, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        (scheme, host)
    });
    match parts {
        Some((scheme, host)) if !host.is_empty() => format!("{scheme}://{host}"),
        _ => "(not an address)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use shared_protocol::Secret;

    use super::*;

    fn exporter() -> TracingExporter {
        let header = |name: &str, value: &str| (name.to_owned(), Secret::new(value));
        TracingExporter {
            endpoint: "https://u:p@c.test:8/ingest/k3y?k=k3y".into(),
            protocol: "http/protobuf".into(),
            headers: BTreeMap::from([
                header("X-B", "a,b+c%"),
                header("Authorization", "Bearer x=y"),
            ]),
        }
    }

    fn policy() -> TracingPolicy {
        TracingPolicy {
            backend: OPENTELEMETRY.into(),
            propagate_traceparent: true,
            exporter: Some(exporter()),
        }
    }

    #[test]
    fn the_endpoints_policy_applies_where_the_agent_says_nothing() {
        let (with, told) = JobTracing::default().with_policy(&policy());
        assert_eq!(with.backend.as_deref(), Some(OPENTELEMETRY));
        assert_eq!(with.propagate, Some(true));
        assert_eq!(with.exporter, Some(exporter()));
        assert_eq!(
            told,
            "tracing policy: backend opentelemetry, exporter https://c.test:8"
        );
    }

    #[test]
    fn what_the_agent_says_itself_wins() {
        let own = |backend: Option<&str>| JobTracing {
            backend: backend.map(str::to_owned),
            propagate: Some(false),
            has_destination: true,
            ..JobTracing::default()
        };
        let (with, told) = own(Some(OPENTELEMETRY)).with_policy(&policy());
        assert_eq!((with.propagate, &with.exporter), (Some(false), &None));
        assert!(told.contains("exporter ignored"), "{told}");
        let datadog = own(Some("datadog"));
        let (with, told) = datadog.with_policy(&policy());
        assert_eq!(with, datadog);
        assert!(told.contains("tracing-backend is datadog"), "{told}");
        let unknown = TracingPolicy {
            backend: "sextant".into(),
            ..policy()
        };
        let (with, told) = own(None).with_policy(&unknown);
        assert_eq!(with, own(None));
        assert!(told.contains("\"sextant\""), "{told}");
    }

    #[test]
    fn headers_are_encoded_in_their_order_and_empty_variables_left_out() {
        let tracing = JobTracing {
            exporter: Some(exporter()),
            ..JobTracing::default()
        };
        let job = BTreeMap::new();
        let variables = tracing.destination(&job);
        let headers = "Authorization=Bearer%20x=y,X-B=a%2Cb%2Bc%25";
        assert_eq!(
            variables[2],
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", headers.to_owned())
        );
        let bare = JobTracing {
            exporter: Some(TracingExporter {
                endpoint: "http://c".into(),
                ..TracingExporter::default()
            }),
            ..JobTracing::default()
        };
        assert_eq!(bare.destination(&job).len(), 1);
    }

    #[test]
    fn a_job_that_names_a_destination_gets_no_credentials_for_it() {
        let tracing = JobTracing {
            exporter: Some(exporter()),
            ..JobTracing::default()
        };
        for name in DESTINATION {
            let job = BTreeMap::from([(name.to_owned(), String::new())]);
            assert_eq!(tracing.destination(&job), [], "{name}");
        }
    }
}
