//! A host with an old build, and a release with a new one in all its forms.

use std::path::{Path, PathBuf};

use shared_delta::child::Work;
use shared_delta::{Algorithm, DeltaError, apply, create, decode_zstd, encode_zstd};
use shared_fetch::{
    Encoding, FetchError, Fetcher, Obtained, Order, Patch, Patcher, Progress, Source,
};
use shared_slots::Digest;
use tempfile::TempDir;

use crate::server::{Answer, Server, honest, path_of};
use crate::{content, fetcher};

/// Its files are called `delta`, `patch`, `zstd` and `full` on a server.
pub(crate) struct Bed {
    pub(crate) folder: TempDir,
    pub(crate) new: Vec<u8>,
    pub(crate) delta: Vec<u8>,
    pub(crate) patch: Vec<u8>,
    pub(crate) zstd: Vec<u8>,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let old = content(200_000);
        let mut new = old.clone();
        new.splice(5000..5010, *b"one line of code has changed");
        std::fs::write(folder.path().join("old"), &old).unwrap();
        Self {
            folder,
            delta: create(Algorithm::Bsdiff4, &old, &new).unwrap(),
            patch: create(Algorithm::Zstd, &old, &new).unwrap(),
            zstd: encode_zstd(&new).unwrap(),
            new,
        }
    }

    pub(crate) fn old(&self) -> PathBuf {
        self.folder.path().join("old")
    }

    /// The folder of partial files.
    pub(crate) fn partial(&self) -> PathBuf {
        self.folder.path().join("partial")
    }

    pub(crate) fn size(&self) -> u64 {
        self.new.len() as u64
    }

    pub(crate) fn order(&self, sources: Vec<Source>) -> Order {
        Order {
            digest: Digest::of(&self.new),
            size: self.size(),
            sources,
        }
    }

    pub(crate) fn full(&self, urls: &[&str]) -> Source {
        source(&self.new, urls, Encoding::Plain)
    }

    pub(crate) fn zstd(&self, urls: &[&str]) -> Source {
        source(&self.zstd, urls, Encoding::Zstd)
    }

    pub(crate) fn delta(&self, urls: &[&str]) -> Source {
        source(&self.delta, urls, Encoding::Bsdiff4 { from: self.old() })
    }

    pub(crate) fn patch(&self, urls: &[&str]) -> Source {
        source(&self.patch, urls, Encoding::ZstdPatch { from: self.old() })
    }

    /// The order of a launcher: everything, best first, all from one server.
    pub(crate) fn everything(&self, server: &Server) -> Order {
        self.order(vec![
            self.delta(&[&server.at("delta")]),
            self.patch(&[&server.at("patch")]),
            self.zstd(&[&server.at("zstd")]),
            self.full(&[&server.at("full")]),
        ])
    }

    /// What an honest server answers.
    pub(crate) fn answer(&self) -> impl Fn(&str) -> Vec<u8> + Send + 'static {
        let files = [
            ("delta", self.delta.clone()),
            ("patch", self.patch.clone()),
            ("zstd", self.zstd.clone()),
            ("full", self.new.clone()),
        ];
        move |head| {
            let name = path_of(head);
            let file = files.iter().find(|(known, _)| *known == name);
            honest(head, &file.expect("only known files are asked for").1)
        }
    }

    /// An honest server.
    pub(crate) async fn server(&self) -> Server {
        let answer = self.answer();
        Server::serve(move |head| Some(Answer::Bytes(answer(head)))).await
    }

    pub(crate) async fn obtain(&self, order: &Order) -> Result<Obtained, FetchError> {
        self.obtain_with(&fetcher(), order).await
    }

    /// On success the file is what it should be, and the only one there.
    pub(crate) async fn obtain_with(
        &self,
        fetcher: &Fetcher,
        order: &Order,
    ) -> Result<Obtained, FetchError> {
        let obtained = fetcher
            .obtain(order, &self.partial(), &InProcess, &mut |_| ())
            .await?;
        assert!(std::fs::read(&obtained.path).unwrap() == self.new);
        Ok(obtained)
    }

    /// All that was reported on the way.
    pub(crate) async fn progress(&self, order: &Order) -> Vec<Progress> {
        let mut seen = Vec::new();
        let done = fetcher()
            .obtain(order, &self.partial(), &InProcess, &mut |p| seen.push(p))
            .await;
        done.unwrap();
        seen
    }

    /// Lays down what an earlier try left of a file.
    pub(crate) fn left_over(&self, of: &[u8], bytes: &[u8]) {
        std::fs::create_dir_all(self.partial()).unwrap();
        let name = format!("{}.part", Digest::of(of));
        std::fs::write(self.partial().join(name), bytes).unwrap();
    }

    /// Names and lengths in the folder of partial files.
    pub(crate) fn left(&self) -> Vec<(String, u64)> {
        let entries = std::fs::read_dir(self.partial()).unwrap();
        let mut left: Vec<_> = entries
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, entry.metadata().unwrap().len())
            })
            .collect();
        left.sort();
        left
    }
}

pub(crate) fn source(bytes: &[u8], urls: &[&str], encoding: Encoding) -> Source {
    Source {
        urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        size: bytes.len() as u64,
        digest: Digest::of(bytes),
        encoding,
    }
}

/// The address of a local file.
pub(crate) fn file_url(path: &Path) -> String {
    let path = path.to_str().unwrap().replace('\\', "/");
    format!("file:///{}", path.trim_start_matches('/'))
}

/// An address at which nobody can listen.
pub(crate) const DEAD: &str = "http://127.0.0.1:0/file";

/// Applies patches at once, where a launcher starts a child.
pub(crate) struct InProcess;

impl Patcher for InProcess {
    async fn apply(&self, it: Patch<'_>) -> Result<(), DeltaError> {
        match it.work {
            Work::Apply(algorithm, old) => apply(algorithm, old, it.patch, it.out, it.size),
            Work::Whole => decode_zstd(it.patch, it.out, it.size),
        }
    }
}
