//! The HTTP client and its settings.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Certificate, ClientBuilder, NoProxy, Proxy, Response, Url};
use shared_fault::point;

use crate::{FetchError, STALL_LIMIT, error};

/// Most redirects that are followed before a server is taken for a loop.
const MAX_REDIRECTS: usize = 5;

/// Settings of a [`Fetcher`].
#[derive(Debug, Clone)]
pub struct Options {
    /// How the client names itself.
    pub user_agent: String,
    /// How long a connection may stay silent; normally [`STALL_LIMIT`].
    pub stall: Duration,
    /// Address of the proxy for everything but what `NO_PROXY` names. Without it the environment
    /// (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) decides, then the system's settings.
    pub proxy: Option<String>,
    /// PEM file of certificates that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Most bytes per second that one download may take.
    pub bandwidth: Option<u64>,
}

impl Options {
    /// The defaults for a client of this name.
    pub fn new(user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            stall: STALL_LIMIT,
            proxy: None,
            ca_file: None,
            bandwidth: None,
        }
    }
}

/// An HTTP client with the settings that fetching needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fetcher {
    pub(crate) client: reqwest::Client,
    pub(crate) stall: Duration,
    pub(crate) bandwidth: Option<u64>,
}

impl Fetcher {
    /// A client with these settings. Fails when the proxy's address or the file of certificates
    /// cannot be used.
    pub fn with(options: &Options) -> Result<Self, FetchError> {
        let mut client = reqwest::Client::builder()
            .user_agent(&options.user_agent)
            .redirect(Policy::custom(redirect))
            .connect_timeout(options.stall.min(Duration::from_secs(10)))
            // Minutes lie between two fetches; an idle connection would only hold memory.
            .pool_max_idle_per_host(0);
        if let Some(proxy) = &options.proxy {
            let proxy = Proxy::all(proxy).map_err(|error| setup(&error))?;
            client = client.proxy(proxy.no_proxy(NoProxy::from_env()));
        }
        client = trust(client, options)?;
        Ok(Self {
            client: client.build().map_err(|error| setup(&error))?,
            stall: options.stall,
            bandwidth: options.bandwidth,
        })
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn send(
        &self,
        url: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<Response, FetchError> {
        let unreachable = |cause| FetchError::Unreachable {
            url: error::shown(url),
            cause,
        };
        point("fetch.connect").map_err(|cause| unreachable(cause.to_string()))?;
        match tokio::time::timeout(self.stall, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(unreachable(error::innermost(&error))),
            Err(_) => Err(self.stalled(0)),
        }
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) async fn next_chunk(
        &self,
        response: &mut Response,
        received: u64,
    ) -> Result<Option<Bytes>, FetchError> {
        let broken = |cause| FetchError::BrokenOff { received, cause };
        point("fetch.receive").map_err(|cause| broken(cause.to_string()))?;
        match tokio::time::timeout(self.stall, response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(broken(error::innermost(&error))),
            Err(_) => Err(self.stalled(received)),
        }
    }

    pub(crate) fn stalled(&self, received: u64) -> FetchError {
        FetchError::Stalled {
            seconds: self.stall.as_secs(),
            received,
        }
    }
}

/// Adds the certificates of the extra file.
fn trust(client: ClientBuilder, options: &Options) -> Result<ClientBuilder, FetchError> {
    let Some(path) = &options.ca_file else {
        return Ok(client);
    };
    let unusable = |cause: String| {
        let path = path.display();
        FetchError::Setup(format!("cannot use the certificates in {path}: {cause}"))
    };
    let pem = point("fetch.read_certificates").and_then(|()| std::fs::read(path));
    let pem = pem.map_err(|cause| unusable(cause.to_string()))?;
    let certificates =
        Certificate::from_pem_bundle(&pem).map_err(|error| unusable(error::innermost(&error)))?;
    if certificates.is_empty() {
        return Err(unusable("there is none".into()));
    }
    Ok(client.tls_certs_merge(certificates))
}

/// Follows a few redirects, and never one that gives up encryption.
fn redirect(attempt: Attempt<'_>) -> Action {
    let before: Vec<&str> = attempt.previous().iter().map(Url::scheme).collect();
    match may_follow(&before, attempt.url().scheme()) {
        Ok(()) => attempt.follow(),
        Err(why) => attempt.error(why),
    }
}

/// Whether a redirect may be followed after addresses of these schemes.
fn may_follow(before: &[&str], next: &str) -> Result<(), &'static str> {
    if before.len() > MAX_REDIRECTS {
        return Err("too many redirects");
    }
    match next {
        "https" => Ok(()),
        "http" if !before.contains(&"https") => Ok(()),
        "http" => Err("it redirects from https to an address without encryption"),
        _ => Err("it redirects to an address that is no HTTP"),
    }
}

fn setup(error: &reqwest::Error) -> FetchError {
    FetchError::Setup(error::innermost(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_never_gives_up_encryption_nor_goes_on_for_ever() {
        assert_eq!(may_follow(&["http"], "http"), Ok(()));
        assert_eq!(may_follow(&["http"], "https"), Ok(()));
        assert_eq!(may_follow(&["https"; MAX_REDIRECTS], "https"), Ok(()));
        for (before, next) in [
            (&["https"][..], "http"),
            (&["http", "https"], "http"),
            (&["https", "http"], "http"),
            (&["http"], "file"),
            (&["https"; MAX_REDIRECTS + 1], "https"),
        ] {
            assert!(may_follow(before, next).is_err(), "{before:?} -> {next}");
        }
    }
}
