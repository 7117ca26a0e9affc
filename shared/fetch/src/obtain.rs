//! Getting a file by the best of several ways.

use std::path::{Path, PathBuf};

use shared_fault::point;
use tokio::fs;
use tracing::debug;

use crate::partial::{Partial, discard};
use crate::source::{Gather, Mirrors};
use crate::{FetchError, Fetcher, Kind, Order, Patch, Patcher, Phase, Progress, Source, Wanted};

/// A file that is there, whole and right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obtained {
    /// The file: `<digest>.part` in the folder of partial files.
    pub path: PathBuf,
    /// The address and kind of the source it was made from; `None` if it was there already.
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

/// What one order has come to so far.
struct Run<'a, P> {
    fetcher: &'a Fetcher,
    order: &'a Order,
    folder: &'a Path,
    patcher: &'a P,
    mirrors: Mirrors,
    received: Received,
}

impl Fetcher {
    /// Gets a file by the first of its sources that gives it. On success `<digest>.part` in
    /// `folder`, which is created if need be, holds exactly the wanted bytes, durably.
    ///
    /// A source that fails for whatever reason falls to the next; only a disk that cannot be
    /// written ends the order at once. The error is that of the last source that was tried. What
    /// came stays in the folder, so that the next call goes on there; see [`crate::superseded`] for
    /// what nobody wants any more.
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
        let mut run = Run {
            fetcher: self,
            order,
            folder,
            patcher,
            mirrors: Mirrors::default(),
            received: Received::default(),
        };
        let mut last = FetchError::NoSource;
        for source in &order.sources {
            match run.take(source, progress).await {
                Ok((url, resumed)) => {
                    let kind = kind_of(&url, source);
                    return Ok(Obtained {
                        path,
                        source: Some((url, kind)),
                        received: run.received,
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

impl<P: Patcher> Run<'_, P> {
    /// Gets the file by this source: its address, and how many bytes were there already.
    async fn take(
        &mut self,
        source: &Source,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(String, u64), Option<FetchError>> {
        let plain = source.encoding.work().is_none();
        let (digest, size) = if plain {
            (self.order.digest, self.order.size)
        } else {
            (source.digest, source.size)
        };
        let partial = part(self.folder, digest);
        let gather = Gather {
            want: Wanted {
                url: "",
                size,
                digest,
            },
            partial: &partial,
        };
        let total = &mut self.received;
        let mut seen = |done| {
            progress(Progress {
                phase: Phase::Receiving(source.encoding.kind()),
                done,
                total: size,
            });
        };
        let (done, url) = self
            .fetcher
            .gather(
                &source.urls,
                &gather,
                &mut self.mirrors,
                &mut |url, bytes| total.add(kind_of(url, source), bytes),
                &mut seen,
            )
            .await?;
        if !plain {
            self.make(source, &partial, progress).await?;
        }
        Ok((url, done.resumed))
    }

    /// Makes the plain file from a fetched one. Whether that succeeds or not, the fetched one has
    /// served: it is right, so the same bytes would come again.
    async fn make(
        &self,
        source: &Source,
        partial: &Path,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), FetchError> {
        let Some(work) = source.encoding.work() else {
            return Ok(());
        };
        let size = self.order.size;
        let mut report = |done| {
            progress(Progress {
                phase: Phase::Making(source.encoding.kind()),
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
    let local = url
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"));
    if local {
        Kind::Local
    } else {
        source.encoding.kind()
    }
}
