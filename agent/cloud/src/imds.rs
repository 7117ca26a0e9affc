//! The instance metadata service of EC2, version 2 where there is one.
//!
//! Source: "Use the Instance Metadata Service to access instance metadata" of the EC2 user guide.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use shared_protocol::Secret;

use crate::cause::cause_of;

/// Where the service answers when nothing else is said.
const DEFAULT_ADDRESS: &str = "http://169.254.169.254";
/// Variable that names another address.
const ADDRESS_VARIABLE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
/// Variable that says that there is none.
const DISABLED_VARIABLE: &str = "AWS_EC2_METADATA_DISABLED";
/// How long a session token is to be good for, in seconds: longer than any start takes.
const TOKEN_SECONDS: &str = "300";
/// Most bytes of an answer.
const MOST_BYTES: usize = 1 << 20;

/// Why the service did not say what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ImdsError {
    /// The environment says that there is none.
    #[error("the instance metadata service is switched off by {DISABLED_VARIABLE}")]
    Disabled,
    /// Nobody answers, or not in time. Most often this is no EC2 instance.
    #[error("the instance metadata service at {0} does not answer: {1}")]
    Silent(String, String),
    /// It answers, but not with a value.
    #[error("the instance metadata service answers {1} for {0}")]
    Refused(String, StatusCode),
    /// Its answer is longer than any value.
    #[error("the instance metadata service answers {0} with too many bytes")]
    TooLong(String),
}

/// A session with the service.
#[derive(Debug)]
pub struct Imds {
    http: Client,
    address: String,
    disabled: bool,
    /// None in version 1, which some containers and copies of the service speak only.
    token: Option<Secret>,
    asked_for_token: bool,
}

impl Imds {
    /// Asks the service that `variable` (the environment) names, or the usual one. `patience` is
    /// for each request.
    pub fn new(
        variable: impl Fn(&str) -> Option<String>,
        patience: Duration,
    ) -> Result<Self, reqwest::Error> {
        let address = variable(ADDRESS_VARIABLE).unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
        let disabled =
            variable(DISABLED_VARIABLE).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Ok(Self {
            // The address is one of this machine's link: a proxy has nothing to do with it.
            http: Client::builder().no_proxy().timeout(patience).build()?,
            address: address.trim_end_matches('/').to_owned(),
            disabled,
            token: None,
            asked_for_token: false,
        })
    }

    /// The value at `path`, such as `/latest/meta-data/instance-id`.
    pub async fn get(&mut self, path: &str) -> Result<String, ImdsError> {
        if self.disabled {
            return Err(ImdsError::Disabled);
        }
        if !self.asked_for_token {
            self.open_session().await?;
        }
        let mut request = self.http.get(self.url(path));
        if let Some(token) = &self.token {
            request = request.header("X-aws-ec2-metadata-token", token.expose());
        }
        let mut answer = request.send().await.map_err(|error| self.silent(&error))?;
        if !answer.status().is_success() {
            // The session may have ended meanwhile; the next attempt opens another one.
            self.asked_for_token = answer.status() != StatusCode::UNAUTHORIZED;
            return Err(ImdsError::Refused(path.to_owned(), answer.status()));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.silent(&error))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > MOST_BYTES {
                return Err(ImdsError::TooLong(path.to_owned()));
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A refusal means version 1; no answer means no service.
    async fn open_session(&mut self) -> Result<(), ImdsError> {
        let request = self
            .http
            .put(self.url("/latest/api/token"))
            .header("X-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS);
        let answer = request.send().await.map_err(|error| self.silent(&error))?;
        self.token = None;
        if answer.status().is_success() {
            let token = answer.text().await.map_err(|error| self.silent(&error))?;
            self.token = Some(Secret::new(token.trim()));
        }
        self.asked_for_token = true;
        Ok(())
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{}", self.address, path.trim_start_matches('/'))
    }

    fn silent(&self, error: &reqwest::Error) -> ImdsError {
        ImdsError::Silent(self.address.clone(), cause_of(error))
    }
}
