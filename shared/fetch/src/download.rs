//! Downloading a file of known size and digest from one address, resuming where it stopped.

use std::path::Path;

use reqwest::header::{IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use shared_slots::Digest;
use tracing::debug;

use crate::error::shown;
use crate::line::{Body, Line, local};
use crate::partial::Partial;
use crate::{FetchError, Fetcher, reply};

/// The bytes that one source has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Their number.
    pub(crate) size: u64,
    /// Their sha256.
    pub(crate) digest: Digest,
    /// The file they gather in.
    pub(crate) partial: &'a Path,
}

/// One try at one address.
pub(crate) struct Attempt {
    /// Bytes that came, whatever became of them.
    pub(crate) received: u64,
    /// Whether bytes of earlier tries were thrown away, so that the next try is another one.
    pub(crate) dropped: bool,
    /// How it ended: the bytes of earlier tries that were of use.
    pub(crate) result: Result<u64, FetchError>,
}

impl Fetcher {
    /// Completes a partial file from one address, and tells `seen` how many bytes are there. On
    /// success it holds exactly the wanted bytes, and they are synced.
    ///
    /// On failure the file keeps what can still be of use to the next try; bytes that turned out
    /// wrong are thrown away. Never more than `want.size` bytes are written.
    pub(crate) async fn attempt(
        &self,
        url: &str,
        want: Wanted<'_>,
        seen: &mut (dyn FnMut(u64) + Send),
    ) -> Attempt {
        let mut attempt = Attempt {
            received: 0,
            dropped: false,
            result: Ok(0),
        };
        let mut file = match Partial::open(want.partial, want.size).await {
            Ok(file) => file,
            Err(error) => {
                attempt.result = Err(error);
                return attempt;
            }
        };
        let had = file.len();
        let mut count = |bytes, len| {
            attempt.received += bytes;
            seen(len);
        };
        count(0, had);
        attempt.result = self.complete(&mut file, url, want, &mut count).await;
        attempt.dropped = had > 0 && file.len() == 0;
        attempt
    }

    async fn complete(
        &self,
        file: &mut Partial,
        url: &str,
        want: Wanted<'_>,
        count: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<u64, FetchError> {
        if file.len() == want.size {
            if file.digest() == want.digest {
                finish(file, want).await?;
                return Ok(want.size);
            }
            file.clear().await?;
        }
        let body = self.ask(file, url, want.size).await?;
        let resumed = file.len();
        let mut line = Line::new(self, body);
        let came = receive(&mut line, file, want.size, count).await;
        file.flush().await?;
        came?;
        finish(file, want).await?;
        Ok(resumed)
    }

    /// Asks for the file, or for the rest of it, and brings what is here in line with the answer.
    async fn ask(&self, file: &mut Partial, url: &str, size: u64) -> Result<Body, FetchError> {
        if let Some(local) = local(url) {
            return Ok(Body::File(self.open_local(&local, file.len()).await?));
        }
        let mut request = self.client.get(url);
        if file.len() > 0 {
            request = request.header(RANGE, format!("bytes={}-", file.len()));
            // Weak validators must not be used here (RFC 9110, 13.1.5). Without one a changed file
            // shows up as a wrong digest, and the try after that starts over.
            let known = file.etag(url).await;
            if let Some(etag) = known.filter(|etag| !etag.starts_with("W/")) {
                request = request.header(IF_RANGE, etag);
            }
        }
        let response = self.send(url, request).await?;
        prepare(file, url, size, &response).await?;
        Ok(Body::Http(response))
    }
}

/// Appends what comes, as long as it may belong to the file.
async fn receive(
    line: &mut Line<'_>,
    file: &mut Partial,
    size: u64,
    count: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<(), FetchError> {
    loop {
        let piece = line.next(file.len()).await?;
        if piece.is_empty() {
            return Ok(());
        }
        let bytes = piece.len() as u64;
        if file.len() + bytes > size {
            count(bytes, file.len());
            file.clear().await?;
            return Err(FetchError::TooLong { limit: size });
        }
        file.append(&piece).await?;
        count(bytes, file.len());
    }
}

/// Brings the file in line with the head of the answer, before the first byte is written.
async fn prepare(
    file: &mut Partial,
    url: &str,
    size: u64,
    response: &Response,
) -> Result<(), FetchError> {
    let headers = response.headers();
    match response.status() {
        StatusCode::OK => {
            if reply::is_web_page(headers) {
                return Err(FetchError::NotTheFile { url: shown(url) });
            }
            reply::expect_plain(url, headers)?;
            if file.len() > 0 {
                debug!(had = file.len(), "the server sends the whole file again");
            }
            file.clear().await?;
            if let Some(etag) = reply::etag(headers) {
                file.remember_etag(&etag, url).await?;
            }
        }
        StatusCode::PARTIAL_CONTENT => {
            let fits = reply::expect_plain(url, headers)
                .and_then(|()| reply::expect_range(headers, file.len(), size));
            if let Err(error) = fits {
                file.clear().await?;
                return Err(error);
            }
        }
        status => {
            if status == StatusCode::RANGE_NOT_SATISFIABLE {
                file.clear().await?;
            }
            return Err(reply::refusal(url, status.as_u16(), headers));
        }
    }
    let announced = response.content_length().unwrap_or(0);
    if file.len().saturating_add(announced) > size {
        file.clear().await?;
        return Err(FetchError::TooLong { limit: size });
    }
    Ok(())
}

/// Judges a file that the server says is whole.
async fn finish(file: &mut Partial, want: Wanted<'_>) -> Result<(), FetchError> {
    if file.len() < want.size {
        return Err(FetchError::TooShort {
            received: file.len(),
            size: want.size,
        });
    }
    let found = file.digest();
    if found != want.digest {
        file.clear().await?;
        return Err(FetchError::WrongDigest {
            found,
            wanted: want.digest,
        });
    }
    file.sync().await?;
    file.forget_etag().await
}
