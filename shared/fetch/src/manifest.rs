//! Fetching a small document whose content is judged elsewhere.

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::IF_NONE_MATCH;

use crate::error::shown;
use crate::{FetchError, Fetcher, reply};

/// Answer to the question for a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestReply {
    /// Still the one with the ETag that was sent.
    NotModified,
    /// Another one.
    Fresh {
        /// The document as transported. Not trusted yet.
        bytes: Vec<u8>,
        /// Its validator, to be sent next time.
        etag: Option<String>,
    },
}

/// When an answer was given, by the clock of whoever gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerDate {
    /// The `Date` of the answer.
    pub at: Timestamp,
    /// Whether TLS has shown whose clock it is. Without it anybody could have written the date.
    pub is_proved: bool,
}

impl Fetcher {
    /// Asks for the document at `url`, of which `etag` is known; at most `limit` bytes are read, and
    /// all of it has to come within ten stall limits: it is small, and a server that lets it trickle
    /// must not keep the caller from asking again.
    pub async fn manifest(
        &self,
        url: &str,
        etag: Option<&str>,
        limit: usize,
    ) -> Result<ManifestReply, FetchError> {
        let answer = self.dated_manifest(url, etag, limit).await;
        answer.map(|(reply, _)| reply)
    }

    /// As [`Fetcher::manifest`], with the date of the answer if it had one.
    pub async fn dated_manifest(
        &self,
        url: &str,
        etag: Option<&str>,
        limit: usize,
    ) -> Result<(ManifestReply, Option<ServerDate>), FetchError> {
        let whole = self.stall * 10;
        match tokio::time::timeout(whole, self.document(url, etag, limit)).await {
            Ok(reply) => reply,
            Err(_) => Err(FetchError::TooSlow {
                seconds: whole.as_secs(),
            }),
        }
    }

    async fn document(
        &self,
        url: &str,
        etag: Option<&str>,
        limit: usize,
    ) -> Result<(ManifestReply, Option<ServerDate>), FetchError> {
        let mut request = self.client.get(url);
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let mut response = self.send(url, request).await?;
        // No redirect gives encryption up once it is there.
        let is_proved = url.starts_with("https:");
        let date = reply::date(response.headers()).map(|at| ServerDate { at, is_proved });
        match response.status() {
            StatusCode::NOT_MODIFIED if etag.is_some() => {
                return Ok((ManifestReply::NotModified, date));
            }
            StatusCode::OK => {}
            status => return Err(reply::refusal(url, status.as_u16(), response.headers())),
        }
        if reply::is_web_page(response.headers()) {
            return Err(FetchError::NotTheFile { url: shown(url) });
        }
        reply::expect_plain(url, response.headers())?;
        let etag = reply::etag(response.headers());
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next_chunk(&mut response, bytes.len() as u64).await? {
            if bytes.len() + chunk.len() > limit {
                return Err(FetchError::TooLong {
                    limit: limit as u64,
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((ManifestReply::Fresh { bytes, etag }, date))
    }
}
