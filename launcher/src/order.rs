//! The ways to get a file, best first: a delta from a version that is here, the file compressed, the
//! plain file; each from the drop folder, mirrors nearby, the server, and what the root names. Pure.

use std::path::{Path, PathBuf};

use shared_delta::Algorithm;
use shared_fetch::{Encoding, Order, Source};
use shared_release::{Delta, Target};
use shared_slots::Digest;
use url::Url;

/// Where release trees begin, in the order in which they are asked.
#[derive(Debug, Clone)]
pub(crate) struct Trees {
    /// A folder on this host that is laid out like a tree.
    pub(crate) drop_dir: Option<PathBuf>,
    /// Addresses without a slash at the end.
    pub(crate) bases: Vec<String>,
}

/// A version that is whole and here.
#[derive(Debug, Clone)]
pub(crate) struct Old {
    pub(crate) digest: Digest,
    pub(crate) file: PathBuf,
}

/// The order for a target.
pub(crate) fn order(target: &Target, trees: &Trees, old: &[Old]) -> Order {
    let mut sources = deltas(target, trees, old);
    sources.extend(target.encoded("zstd").map(|encoded| Source {
        urls: trees.urls(&encoded.url),
        size: encoded.size,
        digest: encoded.sha256,
        encoding: Encoding::Zstd,
    }));
    let plain = trees.urls(&target.url);
    sources.push(Source::plain(target.sha256, target.size, plain));
    Order {
        digest: target.sha256,
        size: target.size,
        sources,
    }
}

/// The deltas from any version that is here, the smallest first. One that is no smaller than the
/// compressed file is of no use.
fn deltas(target: &Target, trees: &Trees, old: &[Old]) -> Vec<Source> {
    let whole = target.encoded("zstd").map_or(target.size, |it| it.size);
    let mut deltas: Vec<(&Delta, Encoding)> = old
        .iter()
        .flat_map(|old| {
            target
                .deltas_from(old.digest)
                .into_iter()
                .map(move |d| (d, old))
        })
        .filter(|(delta, _)| delta.size < whole)
        .filter_map(|(delta, old)| Some((delta, encoding(&delta.algo, &old.file)?)))
        .collect();
    deltas.sort_by_key(|(delta, _)| delta.size);
    let source = |(delta, encoding): (&Delta, Encoding)| Source {
        urls: trees.urls(&delta.url),
        size: delta.size,
        digest: delta.sha256,
        encoding,
    };
    deltas.into_iter().map(source).collect()
}

/// `None` for an algorithm that a later publisher may use.
fn encoding(algorithm: &str, old: &Path) -> Option<Encoding> {
    let from = old.to_owned();
    match algorithm.parse().ok()? {
        Algorithm::Bsdiff4 => Some(Encoding::Bsdiff4 { from }),
        Algorithm::Zstd => Some(Encoding::ZstdPatch { from }),
    }
}

impl Trees {
    fn urls(&self, places: &[String]) -> Vec<String> {
        let drop_dir = self.drop_dir.as_ref();
        // Its name may hold anything that a folder's can, such as `#` and `%`.
        let drop_dir = drop_dir.and_then(|folder| Url::from_file_path(folder).ok());
        let drop_dir = drop_dir.map(|url| url.as_str().trim_end_matches('/').to_owned());
        drop_dir
            .iter()
            .chain(&self.bases)
            .flat_map(|base| places.iter().map(move |place| format!("{base}/v1/{place}")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use shared_release::Encoded;

    use super::*;

    fn digest(n: u8) -> Digest {
        Digest::from_bytes([n; 32])
    }

    fn delta(from: u8, algo: &str, size: u64) -> Delta {
        Delta {
            from: digest(from),
            algo: algo.into(),
            url: vec![format!("deltas/{from}-{algo}")],
            size,
            sha256: digest(100 + from),
        }
    }

    fn target() -> Target {
        let mut target = Target::plain("linux", "x86_64", digest(9), 1_000);
        target.encoded = vec![Encoded {
            enc: "zstd".into(),
            url: vec!["blobs/z".into()],
            size: 300,
            sha256: digest(8),
        }];
        target.deltas = vec![
            delta(1, "zstd", 40),
            delta(2, "bsdiff4", 10),
            delta(2, "zstd", 301),
            delta(2, "magic", 1),
            delta(7, "zstd", 2),
        ];
        target
    }

    #[test]
    fn the_smallest_way_that_this_host_can_go_is_the_first() {
        let trees = Trees {
            drop_dir: None,
            bases: vec!["http://a".into(), "https://b/c".into()],
        };
        let old = [1, 2].map(|n| Old {
            digest: digest(n),
            file: format!("/store/{n}").into(),
        });
        let order = order(&target(), &trees, &old);
        let sizes: Vec<u64> = order.sources.iter().map(|source| source.size).collect();
        assert_eq!(sizes, [10, 40, 300, 1_000]);
        assert_eq!(
            order.sources[0].urls,
            [
                "http://a/v1/deltas/2-bsdiff4",
                "https://b/c/v1/deltas/2-bsdiff4"
            ]
        );
        let from = PathBuf::from("/store/2");
        assert_eq!(order.sources[0].encoding, Encoding::Bsdiff4 { from });
        assert_eq!(order.sources[3].encoding, Encoding::Plain);
    }

    #[test]
    fn a_folder_on_this_host_is_asked_before_any_server() {
        let trees = Trees {
            drop_dir: Some("/media/stick #1".into()),
            bases: vec!["http://a".into()],
        };
        let order = order(&Target::plain("linux", "x86_64", digest(9), 1), &trees, &[]);
        let place = format!("v1/blobs/{}", digest(9));
        assert_eq!(
            order.sources[0].urls,
            [
                format!("file:///media/stick%20%231/{place}"),
                format!("http://a/{place}")
            ]
        );
    }
}
