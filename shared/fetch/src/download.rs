//! Downloading a file of known size and digest into a partial file, resuming where it stopped.

use std::path::Path;

use reqwest::header::{IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use shared_slots::Digest;
use tracing::debug;

use crate::partial::Partial;
use crate::{FetchError, Fetcher, reply};

/// The file to be downloaded.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Where it lies.
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
    /// Bytes that came over the network this time.
    pub received: u64,
}

impl Fetcher {
    /// Completes the file at `partial`. On success it holds exactly the wanted bytes, durably.
    ///
    /// On failure the file keeps what can still be of use to the next try; bytes that turned out
    /// wrong are thrown away. Never more than `want.size` bytes are written.
    pub async fn download(
        &self,
        want: &Wanted<'_>,
        partial: &Path,
    ) -> Result<Downloaded, FetchError> {
        let mut file = Partial::open(partial, want.size).await?;
        if file.len() == want.size {
            if file.digest() == want.digest {
                return finish(file, want, want.size).await;
            }
            file.clear().await?;
        }
        let mut response = self.ask(want, &file).await?;
        prepare(&mut file, want, &response).await?;
        let start = file.len();
        let received = self.receive(&mut file, want, &mut response).await;
        file.flush().await?;
        received?;
        finish(file, want, start).await
    }

    /// Asks for the file, or for the rest of it.
    async fn ask(&self, want: &Wanted<'_>, file: &Partial) -> Result<Response, FetchError> {
        let mut request = self.client.get(want.url);
        if file.len() > 0 {
            request = request.header(RANGE, format!("bytes={}-", file.len()));
            // Weak validators must not be used here (RFC 9110, 13.1.5). Without one a changed file
            // shows up as a wrong digest, and the try after that starts over.
            if let Some(etag) = file.etag().await.filter(|etag| !etag.starts_with("W/")) {
                request = request.header(IF_RANGE, etag);
            }
        }
        self.send(want.url, request).await
    }

    async fn receive(
        &self,
        file: &mut Partial,
        want: &Wanted<'_>,
        response: &mut Response,
    ) -> Result<(), FetchError> {
        while let Some(chunk) = self.next_chunk(response, file.len()).await? {
            if file.len() + chunk.as_ref().len() as u64 > want.size {
                file.clear().await?;
                return Err(FetchError::TooLong { limit: want.size });
            }
            file.append(chunk.as_ref()).await?;
        }
        Ok(())
    }
}

/// Brings the file in line with the head of the answer, before the first byte is written.
async fn prepare(
    file: &mut Partial,
    want: &Wanted<'_>,
    response: &Response,
) -> Result<(), FetchError> {
    let headers = response.headers();
    match response.status() {
        StatusCode::OK => {
            if reply::is_web_page(headers) {
                return Err(FetchError::NotTheFile {
                    url: want.url.to_owned(),
                });
            }
            if file.len() > 0 {
                debug!(had = file.len(), "the server sends the whole file again");
            }
            file.clear().await?;
            file.remember_etag(reply::etag(headers).as_deref()).await?;
        }
        StatusCode::PARTIAL_CONTENT => {
            if let Err(error) = reply::expect_range(headers, file.len(), want.size) {
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
    if file.len() + announced > want.size {
        file.clear().await?;
        return Err(FetchError::TooLong { limit: want.size });
    }
    Ok(())
}

/// Judges a file that the server says is whole.
async fn finish(
    mut file: Partial,
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
    file.remember_etag(None).await?;
    Ok(Downloaded {
        resumed: start,
        received: want.size - start,
    })
}
