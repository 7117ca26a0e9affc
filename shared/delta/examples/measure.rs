//! What a delta between two builds costs: `measure OLD NEW` prints bytes, and time and peak memory
//! of applying. Linux only, for the peak is read from `/proc`.
//!
//! Each patch is applied in a process of its own, as on a host: this program starts itself again.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and prints"
)]

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use shared_delta::child::{self, Work};
use shared_delta::{Algorithm, create, encode_zstd};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if arguments.len() > 2 {
        let exit = child::main(arguments);
        println!("{}", peak_kib()?);
        return Ok(exit);
    }
    let [old, new] = &arguments[..] else {
        return Err("usage: measure OLD NEW".into());
    };
    measure(Path::new(old), Path::new(new))?;
    Ok(ExitCode::SUCCESS)
}

fn measure(old: &Path, new: &Path) -> Result<(), Box<dyn Error>> {
    let (before, after) = (std::fs::read(old)?, std::fs::read(new)?);
    println!("full: {} bytes", after.len());
    let begun = Instant::now();
    let whole = encode_zstd(&after)?;
    let made = begun.elapsed();
    report("zstd of the whole file", Work::Whole, &whole, made, &after)?;
    for algorithm in [Algorithm::Bsdiff4, Algorithm::Zstd] {
        let begun = Instant::now();
        let patch = create(algorithm, &before, &after)?;
        let made = begun.elapsed();
        let name = format!("{} patch", algorithm.name());
        report(&name, Work::Apply(algorithm, old), &patch, made, &after)?;
    }
    Ok(())
}

fn report(
    name: &str,
    work: Work<'_>,
    patch: &[u8],
    made: std::time::Duration,
    after: &[u8],
) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (file, out) = (folder.path().join("patch"), folder.path().join("out"));
    std::fs::write(&file, patch)?;
    let begun = Instant::now();
    let output = Command::new(std::env::current_exe()?)
        .args(child::arguments(work, &file, &out, after.len() as u64))
        .output()?;
    let applied = begun.elapsed();
    child::outcome(output.status.code(), &output.stderr)?;
    if std::fs::read(&out)? != after {
        return Err(format!("{name}: the result is another file").into());
    }
    println!(
        "{name}: {} bytes ({:.2} %), made in {} ms, applied in {} ms, peak of the applying process {} KiB",
        patch.len(),
        100.0 * f64::from(u32::try_from(patch.len())?) / f64::from(u32::try_from(after.len())?),
        made.as_millis(),
        applied.as_millis(),
        String::from_utf8(output.stdout)?.trim()
    );
    Ok(())
}

/// The most memory that this process ever held, in KiB.
fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("/proc/self/status names no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
