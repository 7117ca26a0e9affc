//! Downloading a file of known size and digest from one address, resuming where it stopped.

use std::io::SeekFrom;
use std::path::Path;

use reqwest::header::{IF_RANGE, RANGE};
use reqwest::{Response, StatusCode, Url};
use shared_slots::Digest;
use tokio::io::AsyncSeekExt as _;
use tracing::debug;

use crate::line::{Body, Line, open_local};
use crate::partial::Partial;
use crate::{FetchError, Fetcher, reply};

/// The file to be downloaded.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Where it lies: an `http:`, `https:` or `file:` address.
    pub url: &'a str,
    /// Its length in bytes.
    pub size: u64,
    /// sha256 of its content.
    pub digest: Digest,
}

/// How a download came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Downloaded {
    /// Bytes that earlier tries had left.
    pub resumed: u64,
    /// Bytes that came from the address this time.
    pub received: u64,
}

/// One try at one address.
pub(crate) struct Attempt {
    /// Bytes that came, whatever became of them.
    pub(crate) received: u64,
    /// Whether bytes of earlier tries were thrown away, so that the next try is another one.
    pub(crate) dropped: bool,
    /// How it ended.
    pub(crate) result: Result<Downloaded, FetchError>,
}

impl Fetcher {
    /// Completes the file at `partial`, from one address. On success it holds exactly the wanted
    /// bytes, durably.
    ///
    /// On failure the file keeps what can still be of use to the next try; bytes that turned out
    /// wrong are thrown away. Never more than `want.size` bytes are written.
    pub async fn download(
        &self,
        want: &Wanted<'_>,
        partial: &Path,
    ) -> Result<Downloaded, FetchError> {
        self.attempt(want, partial, &mut |_| ()).await.result
    }

    /// As [`Fetcher::download`], and tells `seen` how many bytes are there.
    pub(crate) async fn attempt(
        &self,
        want: &Wanted<'_>,
        partial: &Path,
        seen: &mut (dyn FnMut(u64) + Send),
    ) -> Attempt {
        let mut received = 0;
        let mut file = match Partial::open(partial, want.size).await {
            Ok(file) => file,
            Err(error) => {
                return Attempt {
                    received,
                    dropped: false,
                    result: Err(error),
                };
            }
        };
        let had = file.len();
        seen(had);
        let result = self.complete(&mut file, want, &mut received, seen).await;
        Attempt {
            received,
            dropped: had > 0 && file.len() == 0,
            result,
        }
    }

    async fn complete(
        &self,
        file: &mut Partial,
        want: &Wanted<'_>,
        received: &mut u64,
        seen: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Downloaded, FetchError> {
        if file.len() == want.size {
            if file.digest() == want.digest {
                return finish(file, want, want.size).await;
            }
            file.clear().await?;
        }
        let body = self.ask(file, want).await?;
        let start = file.len();
        let mut line = Line::new(self, body);
        let came = receive(&mut line, file, want, received, seen).await;
        file.flush().await?;
        came?;
        finish(file, want, start).await
    }

    /// Asks for the file, or for the rest of it, and brings what is here in line with the answer.
    async fn ask(&self, file: &mut Partial, want: &Wanted<'_>) -> Result<Body, FetchError> {
        if let Some(url) = Url::parse(want.url)
            .ok()
            .filter(|url| url.scheme() == "file")
        {
            let mut local = open_local(&url, want.url).await?;
            let sought = local.seek(SeekFrom::Start(file.len())).await;
            sought.map_err(|cause| FetchError::Unreachable {
                url: want.url.to_owned(),
                cause: cause.to_string(),
            })?;
            return Ok(Body::File(local));
        }
        let mut request = self.client.get(want.url);
        let mut known = None;
        if file.len() > 0 {
            request = request.header(RANGE, format!("bytes={}-", file.len()));
            // Weak validators must not be used here (RFC 9110, 13.1.5). Without one a changed file
            // shows up as a wrong digest, and the try after that starts over.
            known = file.etag(want.url).await;
            known = known.filter(|etag| !etag.starts_with("W/"));
            if let Some(etag) = &known {
                request = request.header(IF_RANGE, etag);
            }
        }
        let response = self.send(want.url, request).await?;
        prepare(file, want, &response, known.as_deref()).await?;
        Ok(Body::Http(response))
    }
}

/// Appends what comes, as long as it may belong to the file.
async fn receive(
    line: &mut Line<'_>,
    file: &mut Partial,
    want: &Wanted<'_>,
    received: &mut u64,
    seen: &mut (dyn FnMut(u64) + Send),
) -> Result<(), FetchError> {
    loop {
        let piece = line.next(file.len()).await?;
        if piece.is_empty() {
            return Ok(());
        }
        *received += piece.len() as u64;
        if file.len() + piece.len() as u64 > want.size {
            file.clear().await?;
            return Err(FetchError::TooLong { limit: want.size });
        }
        file.append(&piece).await?;
        seen(file.len());
    }
}

/// Brings the file in line with the head of the answer, before the first byte is written. `known`
/// is the ETag that was sent.
async fn prepare(
    file: &mut Partial,
    want: &Wanted<'_>,
    response: &Response,
    known: Option<&str>,
) -> Result<(), FetchError> {
    let headers = response.headers();
    match response.status() {
        StatusCode::OK => {
            if reply::is_web_page(headers) {
                return Err(FetchError::NotTheFile {
                    url: want.url.to_owned(),
                });
            }
            reply::expect_plain(want.url, headers)?;
            if file.len() > 0 {
                debug!(had = file.len(), "the server sends the whole file again");
            }
            file.clear().await?;
            if let Some(etag) = reply::etag(headers) {
                file.remember_etag(&etag, want.url).await?;
            }
        }
        StatusCode::PARTIAL_CONTENT => {
            if let Err(error) = continues(file.len(), want, headers, known) {
                file.clear().await?;
                return Err(error);
            }
        }
        status => {
            if status == StatusCode::RANGE_NOT_SATISFIABLE {
                file.clear().await?;
            }
            return Err(reply::refusal(want.url, status.as_u16(), headers));
        }
    }
    let announced = response.content_length().unwrap_or(0);
    if file.len().saturating_add(announced) > want.size {
        file.clear().await?;
        return Err(FetchError::TooLong { limit: want.size });
    }
    Ok(())
}

/// Whether a partial answer goes on where the file stops.
fn continues(
    have: u64,
    want: &Wanted<'_>,
    headers: &reqwest::header::HeaderMap,
    known: Option<&str>,
) -> Result<(), FetchError> {
    reply::expect_plain(want.url, headers)?;
    reply::expect_range(headers, have, want.size)?;
    match (known, reply::etag(headers)) {
        (Some(known), Some(found)) if known != found => Err(FetchError::Changed),
        _ => Ok(()),
    }
}

/// Judges a file that the server says is whole.
async fn finish(
    file: &mut Partial,
    want: &Wanted<'_>,
    start: u64,
) -> Result<Downloaded, FetchError> {
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
    file.forget_etag().await?;
    Ok(Downloaded {
        resumed: start,
        received: want.size - start,
    })
}
