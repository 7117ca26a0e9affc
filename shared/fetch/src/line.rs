//! One connection that brings bytes: from a server, or from a folder of this host.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Response, Url};
use shared_fault::point;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
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
            Body::File(file) => read(file).await.map_err(|cause| FetchError::BrokenOff {
                received: have,
                cause: cause.to_string(),
            }),
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

/// Opens the file behind a `file:` address.
pub(crate) async fn open_local(url: &Url, name: &str) -> Result<File, FetchError> {
    let unreachable = |cause: String| FetchError::Unreachable {
        url: name.to_owned(),
        cause,
    };
    let path = url
        .to_file_path()
        .map_err(|()| unreachable("it is not an absolute path of this host".into()))?;
    let open = async {
        point("fetch.open_local")?;
        File::open(&path).await
    };
    open.await.map_err(|cause| unreachable(cause.to_string()))
}

async fn read(file: &mut File) -> std::io::Result<Bytes> {
    let mut piece = vec![0; PIECE];
    point("fetch.read_local")?;
    let read = file.read(&mut piece).await?;
    piece.truncate(read);
    Ok(piece.into())
}
