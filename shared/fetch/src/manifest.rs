//! Fetching a small document whose content is judged elsewhere.

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
    ) -> Result<ManifestReply, FetchError> {
        let mut request = self.client.get(url);
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let mut response = self.send(url, request).await?;
        match response.status() {
            StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(ManifestReply::NotModified),
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
        Ok(ManifestReply::Fresh { bytes, etag })
    }
}
