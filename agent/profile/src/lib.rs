//! `--profile cpu`: what this process spends its CPU time on, in a file for `go tool pprof`.
//!
//! ```text
//! every 10 ms of CPU time: SIGPROF ─▶ return addresses ─▶ Stacks      at the end ─▶ pprof, gzip
//! ```
//!
//! Samples are taken by the process itself, so no rights are needed and an agent that waits is not
//! woken. They hold addresses, not names: releases are stripped, and pprof finds names in a file
//! with symbols by the build id. Nothing is set up before [`Profile::begin`].
//!
//! The other kinds of the peer belong to Go's runtime. None of them is made up here.

mod build_id;
mod maps;
mod os;
pub mod pprof;
mod stacks;

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::maps::Map;

/// CPU time between two samples.
const PERIOD: Duration = Duration::from_millis(10);

/// Why there is no profile. The process is none the worse for it.
#[derive(Debug, thiserror::Error)]
pub enum NoProfile {
    /// A kind that cannot be had; what to do instead.
    #[error("no {kind} profile is written: {instead}")]
    NotMade {
        /// The word of the setting.
        kind: String,
        /// Where the answer is to be found.
        instead: &'static str,
    },
    /// The system refused something.
    #[error("no profile is written: {0}")]
    System(#[from] io::Error),
}

/// A CPU profile that is being taken.
#[derive(Debug)]
#[must_use]
pub struct Profile {
    file: File,
    path: PathBuf,
    began: (SystemTime, Instant),
    sampling: os::Sampling,
}

/// A profile that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// Samples in it.
    pub samples: u64,
    /// Samples that there was no room for.
    pub missed: u64,
}

impl Profile {
    /// Begins a profile of that kind (the word of `--profile`), which will be in `folder`. There can
    /// be one in a process.
    pub fn begin(kind: &str, folder: &Path) -> Result<Self, NoProfile> {
        if let Some(instead) = instead(kind) {
            let kind = kind.to_owned();
            return Err(NoProfile::NotMade { kind, instead });
        }
        // Of a name that nobody can foresee, and for its owner only.
        let (file, path) = tempfile::Builder::new()
            .prefix("agent-cpu-")
            .suffix(".pprof")
            .tempfile_in(folder)?
            .keep()
            .map_err(|error| error.error)?;
        let sampling = os::Sampling::begin(PERIOD).inspect_err(|_| {
            let _ = std::fs::remove_file(&path);
        })?;
        Ok(Self {
            file,
            path,
            began: clocks(),
            sampling,
        })
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends it and writes it.
    pub fn finish(self) -> io::Result<Written> {
        let stacks = self.sampling.end();
        let (since, began) = self.began;
        let took = clocks().1.saturating_duration_since(began);
        let maps = maps::parse(&std::fs::read_to_string("/proc/self/maps")?);
        let build_ids = maps.iter().map(build_id_of).collect();
        let profile = pprof::Pieces {
            stacks: &stacks,
            maps: &maps,
            build_ids,
            since,
            took,
            period: PERIOD,
        };
        let mut gzip = GzEncoder::new(self.file, Compression::default());
        gzip.write_all(&profile.encode())?;
        gzip.finish()?;
        Ok(Written {
            path: self.path,
            samples: stacks.samples(),
            missed: stacks.missed(),
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a profile says when it was taken"
)]
fn clocks() -> (SystemTime, Instant) {
    (SystemTime::now(), Instant::now())
}

/// What shows what this kind would have shown; nothing for the kind that is there.
fn instead(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "cpu" => return None,
        "memory" | "mem" => {
            "it would slow down every allocation of every agent; heaptrack shows who holds memory"
        }
        "mutex" | "block" => {
            "the agent's work is done by one thread, which waits for no other; --profile=cpu shows \
             what it does"
        }
        "thread" => "the agent works in one thread; /proc/PID/task lists those that help it",
        "trace" => "it would be one of Go's runtime; --profile=cpu or strace show what happens",
        _ => "this kind is not known; it can be cpu",
    })
}

/// Empty where the file has none, is none, or is gone.
fn build_id_of(map: &Map) -> String {
    // The program may have been replaced since it started.
    let own = std::env::current_exe().is_ok_and(|own| own == Path::new(&map.file));
    let path = if own { "/proc/self/exe" } else { &map.file };
    let found = path
        .starts_with('/')
        .then(|| std::fs::read(path).ok())
        .flatten()
        .and_then(|elf| build_id::of(&elf));
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_cannot_be_had_says_what_to_do_and_leaves_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        for kind in ["memory", "mem", "mutex", "block", "thread", "trace", "wall"] {
            let refused = Profile::begin(kind, folder.path()).expect_err(kind);
            let text = refused.to_string();
            assert!(text.starts_with(&format!("no {kind} profile is")), "{text}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("list").count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_reason_to_fail() {
        let refused = Profile::begin("cpu", Path::new("/nowhere/at/all"));
        assert!(matches!(refused, Err(NoProfile::System(_))));
    }
}
