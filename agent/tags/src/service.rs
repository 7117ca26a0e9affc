//! One request to a source of tags, and what can go wrong with it.

use agent_cloud::{CloudError, ImdsError};
use reqwest::{Client, StatusCode};
use serde::de::DeserializeOwned;

use crate::patience::Patience;

/// Most bytes of an answer.
const MOST_BYTES: usize = 1 << 20;

/// Why a source gave no tags.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// A variable that names the source is not set, so it is not there.
    #[error("{0} is not set, so this is not where the agent runs")]
    Absent(&'static str),
    /// The program cannot make connections.
    #[error("cannot set up connections: {0}")]
    NoClient(reqwest::Error),
    /// Nobody answers, or not in time.
    #[error("{0} does not answer: {1}")]
    Silent(String, String),
    /// It answers, but not with a value.
    #[error("{0} answers {1}")]
    Refused(String, StatusCode),
    /// Its answer is no such value.
    #[error("{0} answers with something that cannot be understood")]
    Nonsense(String),
    /// It has none yet: tags may come some time after an instance.
    #[error("there are none")]
    Empty,
    /// EC2's metadata.
    #[error(transparent)]
    Imds(#[from] ImdsError),
    /// EC2 itself.
    #[error(
        "the instance's metadata holds none, and {0}; allow tags in its metadata, or give its role \
         ec2:DescribeTags"
    )]
    Cloud(#[from] CloudError),
}

impl Trouble {
    /// Whether asking again would be of no use.
    pub(crate) fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::Absent(_) | Self::NoClient(_) | Self::Imds(ImdsError::Disabled)
        )
    }
}

/// Requests to one source.
#[derive(Debug)]
pub(crate) struct Service {
    http: Client,
}

impl Service {
    /// A source on this machine or its link: no proxy has anything to do with it.
    pub(crate) fn near(patience: Patience) -> Result<Self, Trouble> {
        let builder = Client::builder().no_proxy().timeout(patience.request);
        let http = builder.build().map_err(Trouble::NoClient)?;
        Ok(Self { http })
    }

    /// A source on the internet.
    pub(crate) fn far(patience: Patience) -> Result<Self, Trouble> {
        let builder = Client::builder().timeout(patience.request);
        let http = builder.build().map_err(Trouble::NoClient)?;
        Ok(Self { http })
    }

    /// The value at `url`, asked for with one header.
    pub(crate) async fn get(&self, url: &str, header: (&str, &str)) -> Result<String, Trouble> {
        let silent = |error: reqwest::Error| {
            let why = agent_cloud::cause_of(&error);
            Trouble::Silent(url.to_owned(), why)
        };
        let request = self.http.get(url).header(header.0, header.1);
        let mut answer = request.send().await.map_err(silent)?;
        if !answer.status().is_success() {
            return Err(Trouble::Refused(url.to_owned(), answer.status()));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(silent)? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > MOST_BYTES {
                return Err(Trouble::Nonsense(url.to_owned()));
            }
        }
        String::from_utf8(bytes).map_err(|_| Trouble::Nonsense(url.to_owned()))
    }

    /// The same, as JSON.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        url: &str,
        header: (&str, &str),
    ) -> Result<T, Trouble> {
        let text = self.get(url, header).await?;
        serde_json::from_str(&text).map_err(|_| Trouble::Nonsense(url.to_owned()))
    }
}
