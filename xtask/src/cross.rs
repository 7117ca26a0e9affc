//! `cargo xtask cross`: type-checks and lints the platform code of Windows and macOS on a Debian host.
//!
//! The toolchain of a Debian release brings the sources of the standard library, so it can build one
//! for any target it knows; a check needs neither a linker nor the other system's libraries. What is
//! missing is installed when this runs as root on Debian, and named elsewhere. Crates that compile C
//! for the target (TLS, SQLite, zstd) are not among them: that takes a compiler for it.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::cargo;

/// The Debian toolchain: cargo, rustc, the library's sources, clippy.
const PACKAGES: [&str; 4] = ["cargo-web", "rustc-web", "rust-web-src", "rust-web-clippy"];

/// What the packages are for: each of these must be there.
const FILES: [&str; 4] = [
    "/usr/bin/cargo",
    "/usr/bin/rustc",
    "/usr/lib/rustlib/src/rust/library/Cargo.lock",
    "/usr/bin/clippy-driver",
];

const TARGETS: [&str; 2] = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// What must compile for every target.
const CRATES: [&str; 6] = [
    "bootstrapper",
    "shared-fault",
    "shared-handover",
    "shared-logfile",
    "shared-slots",
    "shared-supervise",
];

/// Arguments of clippy-driver, in the form in which `cargo clippy` hands them over. Fields of system
/// structures have other widths elsewhere, so a cast that is needed here may look idle there.
const CLIPPY_ARGS: &str = "-Dwarnings__CLIPPY_HACKERY__-Aclippy::cast_lossless";

/// Checks every crate for every target; a warning is an error.
#[expect(
    clippy::disallowed_methods,
    reason = "the outermost loop of this process measures its steps"
)]
pub(crate) fn run() -> Result<()> {
    provide()?;
    for target in TARGETS {
        let begun = Instant::now();
        check(target)?;
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "cross: {} crates for {target}: {seconds:.0} s",
            CRATES.len()
        );
    }
    Ok(())
}

fn missing() -> Vec<&'static str> {
    FILES
        .into_iter()
        .filter(|file| !Path::new(file).exists())
        .collect()
}

fn provide() -> Result<()> {
    if missing().is_empty() {
        return Ok(());
    }
    let is_debian = Path::new("/etc/debian_version").exists();
    if is_debian && rustix::process::geteuid().is_root() {
        apt(&["update"])?;
        let install = ["install", "--yes", "--no-install-recommends"];
        apt(&[&install[..], &PACKAGES].concat())?;
    }
    let missing = missing();
    if !missing.is_empty() {
        bail!(
            "missing: {}; on Debian: apt-get install {}",
            missing.join(", "),
            PACKAGES.join(" ")
        );
    }
    Ok(())
}

fn apt(args: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .arg("-qq")
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("start apt-get")?;
    if !status.success() {
        bail!("`apt-get {}` failed ({status})", args.join(" "));
    }
    Ok(())
}

fn check(target: &str) -> Result<()> {
    let mut command = Command::new(FILES[0]);
    command
        .args(["check", "--quiet", "-Zbuild-std=std,panic_abort"])
        .args(["--target", target])
        .args(CRATES.iter().flat_map(|name| ["--package", name]))
        .current_dir(cargo::root())
        // Not the toolchain that runs this task.
        .env("PATH", "/usr/bin:/bin")
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env("RUSTC_BOOTSTRAP", "1")
        // What `cargo clippy` does, whose own program may be that of another toolchain.
        .env("RUSTC_WORKSPACE_WRAPPER", FILES[3])
        .env("CLIPPY_ARGS", CLIPPY_ARGS)
        .env("CARGO_TARGET_DIR", cargo::target_dir()?.join("cross"));
    let status = command.status().context("start /usr/bin/cargo")?;
    if !status.success() {
        bail!("the check for {target} failed ({status})");
    }
    Ok(())
}
