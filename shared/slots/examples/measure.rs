//! What the durable acts of one upgrade cost: `measure FILE FOLDER` seals the file into a store in
//! the folder and writes pages, and prints the medians. The folder says which disk is measured.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and prints"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use shared_slots::{Fs as _, Meta, OsFs, Page, Slot, Source, Store};

/// Repetitions of which the median is taken.
const ROUNDS: usize = 41;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [file, folder] = &arguments[..] else {
        return Err("usage: measure FILE FOLDER".into());
    };
    let work = tempfile::Builder::new()
        .prefix("measure-")
        .tempdir_in(folder)?;
    pages(work.path())?;
    sealing(file, work.path())
}

fn pages(folder: &Path) -> Result<(), Box<dyn Error>> {
    let slot = Slot::new([folder.join("agent.p0"), folder.join("agent.p1")]);
    slot.create()?;
    let mut page = Page::default();
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        page = slot.write(page)?;
        times.push(begun.elapsed());
    }
    println!("one page written and synced: median {}", median(times));
    Ok(())
}

fn sealing(file: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let store = Store::new(folder.join("store"));
    store.create()?;
    let digest = OsFs.hash("measure.hash", file)?;
    let size = std::fs::metadata(file)?.len();
    let meta = Meta {
        component: "agent".into(),
        size,
        ..Meta::default()
    };
    let (mut seals, mut checks) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        store.seal(digest, Source::Copy(file), &meta, &[])?;
        seals.push(begun.elapsed());
        let begun = Instant::now();
        store.verified(digest, "agent")?;
        checks.push(begun.elapsed());
        store.remove(digest)?;
    }
    println!(
        "{size} bytes sealed, copy, hash and syncs: median {}",
        median(seals)
    );
    println!(
        "the same compared with its digest before a start: median {}",
        median(checks)
    );
    Ok(())
}

fn median(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    format!("{:.1} ms", times[times.len() / 2].as_secs_f64() * 1000.0)
}
