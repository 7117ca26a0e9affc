//! The endpoint, as the job itself may call it: with the job's own token.

use std::collections::BTreeMap;

use shared_client::{Client, Endpoint, Transport, TransportError};
use shared_protocol::header::header_of_variable;
use shared_protocol::{Secret, env as names};

use crate::environment::Environment;

/// What a client for the job's own token is made of.
pub(crate) struct Access {
    version: &'static str,
    endpoint: String,
    token: Secret,
    http2: bool,
    headers: BTreeMap<String, String>,
}

impl Access {
    /// What this environment says of it. Nothing is checked yet.
    pub(crate) fn new(version: &'static str, env: &Environment) -> Self {
        let text = |name| env.text(name).unwrap_or_default();
        let no_http2 = env.text("BUILDKITE_NO_HTTP2").and_then(agent_flags::switch);
        let headers = env.iter().filter_map(|(name, value)| {
            let name = header_of_variable(name.to_str()?)?;
            Some((name, value.to_str()?.to_owned()))
        });
        Self {
            version,
            endpoint: text(names::AGENT_ENDPOINT).to_owned(),
            token: Secret::new(text(names::AGENT_ACCESS_TOKEN)),
            // The agent says "true" or "false"; what is neither restricts nothing.
            http2: no_http2 != Some(true),
            headers: headers.collect(),
        }
    }

    /// The client. To make one takes time, so only jobs that need it do.
    pub(crate) fn client(&self) -> Result<Client, String> {
        let endpoint = Endpoint::parse(&self.endpoint).map_err(|error| error.to_string())?;
        let transport = self.transport().map_err(|error| error.to_string())?;
        let client = Client::new(transport, endpoint, self.token.clone());
        Ok(client.with_request_headers(&self.headers))
    }

    fn transport(&self) -> Result<Transport, TransportError> {
        let transport = Transport::new(self.version)?;
        if self.http2 {
            Ok(transport)
        } else {
            transport.without_http2()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_switches_http_2_off() {
        for (said, http2) in [
            ("true", false),
            ("1", false),
            ("false", true),
            ("", true),
            ("?", true),
        ] {
            let mut env = Environment::default();
            env.set("BUILDKITE_NO_HTTP2", said);
            env.set(names::AGENT_ENDPOINT, "https://boat.test/v3");
            let access = Access::new("1", &env);
            assert_eq!(access.http2, http2, "{said}");
            assert!(access.client().is_ok());
        }
    }
}
