//! Fetching over HTTP what is then checked by other means: a manifest, or a file of known digest.
//!
//! Who are the two? The launcher and the installer. The server is not trusted: it can lie about
//! lengths and ranges, stall, break off, or be a captive portal that answers everything with a
//! login page. Whatever it does ends in one [`FetchError`] with one line of text, within a bounded
//! number of bytes.
//!
//! There are no retries in here: the caller's schedule decides when to try again, and a partial
//! file makes the next try cheap. There is no total time limit either, because a slow line is not a
//! broken one; only a line that stays silent for the stall limit is given up.

mod download;
mod error;
mod manifest;
mod partial;
mod reply;

use std::time::Duration;

pub use download::{Downloaded, Wanted};
pub use error::FetchError;
pub use manifest::ManifestReply;

/// How long a connection may stay silent before it is given up.
pub const STALL_LIMIT: Duration = Duration::from_mins(1);

/// Most redirects that are followed before a server is taken for a loop.
const MAX_REDIRECTS: usize = 5;

/// An HTTP client with the settings that fetching needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: reqwest::Client,
    stall: Duration,
}

impl Fetcher {
    /// A client that names itself `user_agent` and gives up connections that are silent for
    /// `stall` (normally [`STALL_LIMIT`]). Proxies are taken from the environment and the system.
    pub fn new(user_agent: &str, stall: Duration) -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .user_agent(user_agent)
            .redirect(reqwest::redirect::Policy::limited(MAX_REDIRECTS))
            .connect_timeout(stall.min(Duration::from_secs(10)))
            // Minutes lie between two fetches; an idle connection would only hold memory.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| FetchError::Setup(error::innermost(&error)))?;
        Ok(Self { client, stall })
    }

    /// Sends a request and waits for the head of the answer.
    async fn send(
        &self,
        url: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, FetchError> {
        match tokio::time::timeout(self.stall, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(FetchError::Unreachable {
                url: url.to_owned(),
                cause: error::innermost(&error),
            }),
            Err(_) => Err(self.stalled(0)),
        }
    }

    /// The next piece of the body; `None` at its end.
    async fn next_chunk(
        &self,
        response: &mut reqwest::Response,
        received: u64,
    ) -> Result<Option<impl AsRef<[u8]> + use<>>, FetchError> {
        match tokio::time::timeout(self.stall, response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(FetchError::BrokenOff {
                received,
                cause: error::innermost(&error),
            }),
            Err(_) => Err(self.stalled(received)),
        }
    }

    fn stalled(&self, received: u64) -> FetchError {
        FetchError::Stalled {
            seconds: self.stall.as_secs(),
            received,
        }
    }
}
