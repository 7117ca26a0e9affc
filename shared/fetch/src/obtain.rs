//! Getting a file by the best of several ways.

use std::path::{Path, PathBuf};

use shared_delta::child::Work;
use shared_fault::point;
use tokio::fs;
use tracing::debug;

use crate::download::Wanted;
use crate::error::shown;
use crate::line::local;
use crate::partial::{Partial, discard};
use crate::source::Mirrors;
use crate::{FetchError, Fetcher, Kind, Order, Patch, Patcher, Phase, Progress, Source};

/// A file that is there, whole and right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obtained {
    /// The file: `<digest>.part` in the folder of partial files.
    pub path: PathBuf,
    /// The address, without a password, and the kind of the source it was made from; `None` if it
    /// was there already.
    pub source: Option<(String, Kind)>,
    /// Bytes that came now, by how they came; those of ways that failed are among them.
    pub received: Received,
    /// Bytes of the winning source that earlier tries had left.
    pub resumed: u64,
}

/// Bytes by the way they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Received {
    /// As patches to older files.
    pub delta: u64,
    /// As whole compressed files.
    pub zstd: u64,
    /// As whole files.
    pub full: u64,
    /// From a folder of this host, in whatever form.
    pub local: u64,
}

impl Received {
    /// All bytes that came over a network.
    pub const fn over_network(&self) -> u64 {
        self.delta + self.zstd + self.full
    }

    fn add(&mut self, kind: Kind, bytes: u64) {
        let count = match kind {
            Kind::Delta => &mut self.delta,
            Kind::Zstd => &mut self.zstd,
            Kind::Full => &mut self.full,
            Kind::Local => &mut self.local,
        };
        *count += bytes;
    }
}

/// An order under way, and what it has come to so far.
struct Obtaining<'a, P> {
    fetcher: &'a Fetcher,
    order: &'a Order,
    folder: &'a Path,
    patcher: &'a P,
    mirrors: Mirrors,
    received: Received,
}

impl Fetcher {
    /// Gets a file by the first of its sources that gives it. On success `<digest>.part` in
    /// `folder`, which is created if need be, holds exactly the wanted bytes, and they are synced.
    ///
    /// A source that fails for whatever reason falls to the next; only a disk that cannot be
    /// written ends the order at once. The error is that of the last source that was tried. What
    /// came stays in the folder, so that the next call goes on there; see
    /// [`crate::remove_superseded`] for what nobody wants any more.
    pub async fn obtain(
        &self,
        order: &Order,
        folder: &Path,
        patcher: &impl Patcher,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Obtained, FetchError> {
        let created = async {
            point("fetch.folder")?;
            fs::create_dir_all(folder).await
        };
        created.await.map_err(FetchError::disk(folder))?;
        let path = part(folder, order.digest);
        if Partial::is_whole(&path, order.size, order.digest).await {
            return Ok(Obtained {
                path,
                source: None,
                received: Received::default(),
                resumed: order.size,
            });
        }
        let mut obtaining = Obtaining {
            fetcher: self,
            order,
            folder,
            patcher,
            mirrors: Mirrors::default(),
            received: Received::default(),
        };
        let mut last = FetchError::NoSource;
        for source in &order.sources {
            match obtaining.obtain_from(source, progress).await {
                Ok((url, resumed)) => {
                    let kind = kind_of(&url, source);
                    return Ok(Obtained {
                        path,
                        source: Some((shown(&url), kind)),
                        received: obtaining.received,
                        resumed,
                    });
                }
                Err(Some(error @ FetchError::Disk { .. })) => return Err(error),
                Err(Some(error)) => {
                    debug!(kind = source.encoding.kind().name(), %error, "a source failed");
                    last = error;
                }
                Err(None) => {}
            }
        }
        Err(last)
    }
}

impl<P: Patcher> Obtaining<'_, P> {
    /// Gets the file by this source: its address, and how many bytes were there already.
    async fn obtain_from(
        &mut self,
        source: &Source,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(String, u64), Option<FetchError>> {
        let work = source.encoding.work();
        let (digest, size) = match work {
            None => (self.order.digest, self.order.size),
            Some(_) => (source.digest, source.size),
        };
        let partial = part(self.folder, digest);
        let want = Wanted {
            size,
            digest,
            partial: &partial,
        };
        let kind = source.encoding.kind();
        let mut seen = |done| {
            progress(Progress {
                phase: Phase::Receiving(kind),
                done,
                total: size,
            });
        };
        let total = &mut self.received;
        let mut received = |url: &str, bytes| total.add(kind_of(url, source), bytes);
        let (urls, mirrors) = (&source.urls, &mut self.mirrors);
        let gathered = self
            .fetcher
            .gather(urls, want, mirrors, &mut received, &mut seen);
        let gathered = gathered.await?;
        if let Some(work) = work {
            self.make(work, kind, &partial, progress).await?;
        }
        Ok(gathered)
    }

    /// Makes the plain file from a fetched one. Whether that succeeds or not, the fetched one has
    /// served: it is right, so the same bytes would come again.
    async fn make(
        &self,
        work: Work<'_>,
        kind: Kind,
        partial: &Path,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), FetchError> {
        let size = self.order.size;
        let mut report = |done| {
            progress(Progress {
                phase: Phase::Making(kind),
                done,
                total: size,
            });
        };
        report(0);
        let out = self.folder.join(format!("{}.made", self.order.digest));
        let patch = Patch {
            work,
            patch: partial,
            out: &out,
            size,
        };
        let made = match self.patcher.apply(patch).await {
            Ok(()) => self.accept(&out).await,
            Err(error) => Err(error.into()),
        };
        if made.is_err() {
            discard(&out).await?;
        }
        discard(partial).await?;
        made?;
        report(size);
        Ok(())
    }

    /// Compares the digest of a made file, and gives it the name of the wanted one.
    async fn accept(&self, out: &Path) -> Result<(), FetchError> {
        let mut file = Partial::open(out, self.order.size).await?;
        if file.digest() != self.order.digest {
            return Err(FetchError::WrongDigest {
                found: file.digest(),
                wanted: self.order.digest,
            });
        }
        file.sync().await?;
        drop(file);
        let path = part(self.folder, self.order.digest);
        discard(&path).await?;
        let rename = async {
            point("fetch.accept")?;
            fs::rename(out, &path).await
        };
        rename.await.map_err(FetchError::disk(&path))
    }
}

/// Where the bytes of a digest gather.
fn part(folder: &Path, digest: shared_slots::Digest) -> PathBuf {
    folder.join(format!("{digest}.part"))
}

fn kind_of(url: &str, source: &Source) -> Kind {
    match local(url) {
        Some(_) => Kind::Local,
        None => source.encoding.kind(),
    }
}
