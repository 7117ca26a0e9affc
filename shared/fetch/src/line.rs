//! One connection that brings bytes: from a server, or from a folder of this host.

use std::io::SeekFrom;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Response, Url};
use shared_fault::point;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::time::Instant;

use crate::bucket::Bucket;
use crate::pace::{Pace, WINDOW};
use crate::{FetchError, Fetcher};

/// How much is read from a local file at once.
const PIECE: usize = 64 * 1024;

/// Where the bytes come from.
pub(crate) enum Body {
    Http(Response),
    File(File),
}

/// A source of bytes, watched for being too slow and held to the bandwidth.
pub(crate) struct Line<'a> {
    fetcher: &'a Fetcher,
    body: Body,
    begun: Instant,
    pace: Pace,
    bucket: Option<Bucket>,
}

impl<'a> Line<'a> {
    pub(crate) fn new(fetcher: &'a Fetcher, body: Body) -> Self {
        Self {
            fetcher,
            body,
            begun: Instant::now(),
            pace: Pace::new(fetcher.bandwidth),
            bucket: fetcher.bandwidth.map(Bucket::new),
        }
    }

    /// The next bytes; empty at the end. `have` is how many are there already, for the error.
    pub(crate) async fn next(&mut self, have: u64) -> Result<Bytes, FetchError> {
        match &mut self.body {
            Body::File(file) => {
                let read = tokio::time::timeout(self.fetcher.stall, read(file)).await;
                let read = read.map_err(|_| self.fetcher.stalled(have))?;
                read.map_err(|cause| FetchError::BrokenOff {
                    received: have,
                    cause: cause.to_string(),
                })
            }
            Body::Http(response) => {
                let Some(chunk) = self.fetcher.next_chunk(response, have).await? else {
                    return Ok(Bytes::new());
                };
                self.watch(chunk.len() as u64, have).await?;
                Ok(chunk)
            }
        }
    }

    async fn watch(&mut self, bytes: u64, have: u64) -> Result<(), FetchError> {
        let now = self.begun.elapsed();
        let enough = self.pace.count(bytes, now);
        enough.map_err(|bytes| FetchError::Trickles {
            bytes,
            seconds: WINDOW.as_secs(),
            received: have,
        })?;
        let wait = self.bucket.as_mut().map(|bucket| bucket.take(bytes, now));
        match wait {
            Some(wait) if wait > Duration::ZERO => tokio::time::sleep(wait).await,
            _ => {}
        }
        Ok(())
    }
}

/// The parsed address, if it is one of a file on this host.
pub(crate) fn local(url: &str) -> Option<Url> {
    Url::parse(url).ok().filter(|url| url.scheme() == "file")
}

impl Fetcher {
    /// Opens the file behind a local address, at an offset. What a dead mount or a pipe never gives
    /// is given up like a silent server.
    pub(crate) async fn open_local(&self, url: &Url, offset: u64) -> Result<File, FetchError> {
        let unreachable = |cause: String| FetchError::Unreachable {
            url: url.to_string(),
            cause,
        };
        let path = url
            .to_file_path()
            .map_err(|()| unreachable("it is not an absolute path of this host".into()))?;
        let open = async {
            point("fetch.open_local")?;
            let mut file = File::open(&path).await?;
            file.seek(SeekFrom::Start(offset)).await?;
            Ok::<_, std::io::Error>(file)
        };
        let opened = tokio::time::timeout(self.stall, open).await;
        let opened = opened.map_err(|_| self.stalled(offset))?;
        opened.map_err(|cause| unreachable(cause.to_string()))
    }
}

async fn read(file: &mut File) -> std::io::Result<Bytes> {
    let mut piece = vec![0; PIECE];
    point("fetch.read_local")?;
    let read = file.read(&mut piece).await?;
    piece.truncate(read);
    Ok(piece.into())
}
