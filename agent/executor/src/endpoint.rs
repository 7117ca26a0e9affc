//! The endpoint, as the job itself may call it: with the job's own token.

use std::collections::BTreeMap;

use shared_client::{Client, Endpoint, Transport};
use shared_protocol::header::header_of_variable;
use shared_protocol::{Secret, env as names};

use crate::environment::Environment;

/// What a client for the job's own token is made of.
#[derive(Debug)]
pub(crate) struct Access {
    version: &'static str,
    endpoint: String,
    token: Secret,
    headers: BTreeMap<String, String>,
}

impl Access {
    /// What this environment says of it. Nothing is checked yet.
    pub(crate) fn new(version: &'static str, env: &Environment) -> Self {
        let text = |name| env.text(name).unwrap_or_default();
        let headers = env.iter().filter_map(|(name, value)| {
            let name = header_of_variable(name.to_str()?)?;
            Some((name, value.to_str()?.to_owned()))
        });
        Self {
            version,
            endpoint: text(names::AGENT_ENDPOINT).to_owned(),
            token: Secret::new(text(names::AGENT_ACCESS_TOKEN)),
            headers: headers.collect(),
        }
    }

    /// The client. To make one takes time, so only jobs that need it do.
    pub(crate) fn client(&self) -> Result<Client, String> {
        let endpoint = Endpoint::parse(&self.endpoint).map_err(|error| error.to_string())?;
        let transport = Transport::new(self.version).map_err(|error| error.to_string())?;
        let client = Client::new(transport, endpoint, self.token.clone());
        Ok(client.with_request_headers(&self.headers))
    }
}
