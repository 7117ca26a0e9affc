//! Looks for inputs that break a promise: `cargo run --release -p fuzz -- TARGET SECONDS [SEED]`.
//!
//! It mutates the corpus blindly. What it finds is made smaller, written into the corpus, and from then on
//! replayed by the tests.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a tool talks to the terminal and watches the clock"
)]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use fuzz::{LONGEST, Mutation, TARGETS, Target};

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let mut number = |otherwise| match words.next() {
        Some(word) => word.parse().ok(),
        None => Some(otherwise),
    };
    let target = TARGETS.iter().find(|target| target.name == name);
    let (Some(target), Some(seconds), Some(seed)) = (target, number(60), number(1)) else {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("usage: fuzz TARGET [SECONDS] [SEED], where TARGET is one of {names:?}");
        return ExitCode::from(2);
    };
    match search(target, Duration::from_secs(seconds), seed) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fuzz: {error}");
            ExitCode::from(2)
        }
    }
}

/// Mutates until the time is over; how many inputs broke a promise. It stops at ten.
fn search(target: &Target, time: Duration, seed: u64) -> std::io::Result<usize> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name);
    let mut corpus = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        corpus.push(std::fs::read(entry?.path())?);
    }
    corpus.sort();
    panic::set_hook(Box::new(|_| ()));
    let mut mutation = Mutation::new(seed);
    let (start, mut runs, mut found) = (Instant::now(), 0_u64, 0);
    while found < 10 && start.elapsed() < time {
        let mut input = match corpus.len() {
            0 => Vec::new(),
            length => corpus[mutation.below(length)].clone(),
        };
        mutation.mutate(&mut input, target.words, &corpus);
        input.truncate(LONGEST);
        runs += 1;
        if breaks(target, &input) {
            found += 1;
            let path = keep(&folder, &smallest(target, input))?;
            println!("{}: broken by {}", target.name, path.display());
        }
    }
    println!(
        "{}: {runs} inputs in {} s, {found} broken",
        target.name,
        start.elapsed().as_secs()
    );
    Ok(found)
}

fn breaks(target: &Target, input: &[u8]) -> bool {
    panic::catch_unwind(AssertUnwindSafe(|| (target.check)(input))).is_err()
}

/// Removes parts, from halves down to single bytes, as long as the rest still breaks.
fn smallest(target: &Target, mut input: Vec<u8>) -> Vec<u8> {
    let mut size = input.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut less = input.clone();
            less.drain(at..(at + size).min(less.len()));
            if breaks(target, &less) {
                input = less;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    input
}

fn keep(folder: &Path, input: &[u8]) -> std::io::Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let path = folder.join(format!("found-{:016x}", hasher.finish()));
    std::fs::write(&path, input)?;
    Ok(path)
}
