//! Applying a patch in a process of its own, whose memory is limited.
//!
//! A program that applies patches calls itself for it: `launcher apply-delta <arguments>` runs
//! [`main`] with what [`arguments`] gave its parent, and the parent reads exit code and standard
//! error with [`outcome`]. Neither side starts or waits for a process here; the caller does, with
//! its own time limit.
//!
//! | arguments | `<bsdiff4\|zstd> <old> <patch> <out> <size>`, or `whole <patch> <out> <size>` |
//! |---|---|
//! | 0 | `out` holds `size` bytes; nobody compared their digest yet |
//! | 2 | the arguments are wrong |
//! | 3 | the patch does not fit; the same bytes would fail again |
//! | 4 | a file cannot be read or written |
//! | 5 | not enough memory |
//! | a signal, any other | the process did not survive it: the patch is not to be tried again |
//!
//! Each failure is one line on standard error.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::{Algorithm, DeltaError, Kind, apply, decode_zstd, os, unzstd};

/// The first argument when there is no old file, only a zstd frame of the whole.
const WHOLE: &str = "whole";

const USAGE: u8 = 2;
const PATCH: u8 = 3;
const DISK: u8 = 4;
const MEMORY: u8 = 5;

/// What the process needs beside old, patch and window: its own code and libraries, stacks, and the
/// decoders. Address space, not memory that is touched.
const OVERHEAD: u64 = 128 << 20;

/// One piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work<'a> {
    /// [`apply`] a patch to this old file.
    Apply(Algorithm, &'a Path),
    /// [`decode_zstd`].
    Whole,
}

/// The arguments that make [`main`] do this work.
pub fn arguments(work: Work<'_>, patch: &Path, out: &Path, size: u64) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = match work {
        Work::Apply(algorithm, old) => vec![algorithm.name().into(), old.into()],
        Work::Whole => vec![WHOLE.into()],
    };
    arguments.extend([patch.into(), out.into(), size.to_string().into()]);
    arguments
}

/// The whole life of the child: limits its own memory, does the work, and says how it went.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let arguments: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
    let Some((work, patch, out, size)) = parse(&arguments) else {
        return failed(
            USAGE,
            "usage: <bsdiff4|zstd> <old> <patch> <out> <size>, or whole <patch> <out> <size>",
        );
    };
    // Best effort: where it cannot be set, the bounds of the decoders themselves still hold.
    let _ = os::limit_memory(need(work, patch, size));
    let done = match work {
        Work::Apply(algorithm, old) => apply(algorithm, old, patch, out, size),
        Work::Whole => decode_zstd(patch, out, size),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(code(&error), &error.to_string()),
    }
}

/// What the end of the child means. `code` is `None` when a signal ended it.
pub fn outcome(code: Option<i32>, standard_error: &[u8]) -> Result<(), DeltaError> {
    let kind = match code.map(u8::try_from) {
        Some(Ok(0)) => return Ok(()),
        Some(Ok(PATCH)) => Kind::Patch,
        Some(Ok(DISK)) => Kind::Disk,
        _ => Kind::Process,
    };
    let text = String::from_utf8_lossy(standard_error);
    let text = match text.trim_end().lines().next_back() {
        Some(line) => line.chars().take(300).collect(),
        None => match code {
            Some(code) => format!("applying the patch ended with exit code {code}"),
            None => "applying the patch was ended by a signal".into(),
        },
    };
    Err(DeltaError::Child { kind, text })
}

fn parse<'a>(arguments: &[&'a OsStr]) -> Option<(Work<'a>, &'a Path, &'a Path, u64)> {
    let (work, rest) = match arguments {
        [whole, rest @ ..] if *whole == WHOLE => (Work::Whole, rest),
        [algorithm, old, rest @ ..] => {
            let algorithm = algorithm.to_str()?.parse().ok()?;
            (Work::Apply(algorithm, Path::new(*old)), rest)
        }
        _ => return None,
    };
    let [patch, out, size] = rest else {
        return None;
    };
    let size = size.to_str()?.parse().ok()?;
    Some((work, Path::new(*patch), Path::new(*out), size))
}

/// Most address space that honest work takes.
fn need(work: Work<'_>, patch: &Path, size: u64) -> u64 {
    // A file that cannot be asked will not be read either.
    let length = |path: &Path| {
        shared_fault::point("delta.length")
            .and_then(|()| path.metadata())
            .map_or(0, |metadata| metadata.len())
    };
    let work = match work {
        Work::Apply(Algorithm::Bsdiff4, old) => length(old),
        Work::Apply(Algorithm::Zstd, old) => {
            let old = length(old);
            old + (1 << unzstd::window(old, size))
        }
        Work::Whole => 1 << unzstd::WHOLE_WINDOW,
    };
    work.saturating_add(length(patch)).saturating_add(OVERHEAD)
}

const fn code(error: &DeltaError) -> u8 {
    match error.kind() {
        Kind::Patch => PATCH,
        Kind::Disk => DISK,
        Kind::Process => MEMORY,
    }
}

fn failed(code: u8, text: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::from(code)
}
