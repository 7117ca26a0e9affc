//! `cargo xtask cross`: type-checks and lints the platform code of Windows and macOS on a Debian host.
//!
//! The toolchain of a Debian release brings the sources of the standard library, so it can build one
//! for any target it knows; a check needs neither a linker nor the other system's libraries. What is
//! missing is installed when this runs as root on Debian, and named elsewhere.
//!
//! Dependencies that bring C code (TLS, SQLite, zstd) want a compiler for the target from their build
//! scripts. A check looks at none of its output, so a stand-in that makes empty files will do: that
//! such code compiles there is not shown here.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{cargo, debian};

/// The Debian toolchain: cargo, rustc, the library's sources, clippy.
const PACKAGES: [&str; 4] = ["cargo-web", "rustc-web", "rust-web-src", "rust-web-clippy"];

/// What the packages are for: each of these must be there.
const FILES: [&str; 4] = [
    "/usr/bin/cargo",
    "/usr/bin/rustc",
    "/usr/lib/rustlib/src/rust/library/Cargo.lock",
    "/usr/bin/clippy-driver",
];

/// A system, and what must compile for it.
struct System {
    target: &'static str,
    /// Checked together with all of our crates that they use.
    crates: &'static [&'static str],
    /// What is left out, and why.
    without: &'static str,
}

const SYSTEMS: [System; 2] = [
    System {
        target: "x86_64-pc-windows-gnu",
        crates: &["bootstrapper", "launcher", "trireme"],
        without: "the agent: its jobs and sockets are those of Unix so far",
    },
    System {
        target: "aarch64-apple-darwin",
        crates: &[
            "bootstrapper",
            "launcher",
            "trireme",
            "agent",
            "plugin-example",
            "trireme-server",
        ],
        without: "C code of dependencies",
    },
];

/// What is run in place of a C compiler and its archiver.
const STAND_IN: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -o) : > "$2" ;;
    *.a) : > "$1" ;;
  esac
  shift
done
"#;

/// Arguments of clippy-driver, in the form in which `cargo clippy` hands them over. Fields of system
/// structures have other widths elsewhere, so a cast that is needed here may look idle there.
const CLIPPY_ARGS: &str = "-Dwarnings__CLIPPY_HACKERY__-Aclippy::cast_lossless";

/// Checks every crate for every system; a warning is an error.
#[expect(
    clippy::disallowed_methods,
    reason = "the outermost loop of this process measures its steps"
)]
pub(crate) fn run() -> Result<()> {
    debian::provide(&PACKAGES, missing)?;
    let target_dir = cargo::target_dir()?.join("cross");
    let stand_in = lay_down_stand_in(&target_dir)?;
    for system in SYSTEMS {
        let begun = Instant::now();
        check(&system, &target_dir, &stand_in)?;
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "cross: {}: {}, and what they use: {seconds:.0} s",
            system.target,
            system.crates.join(", ")
        );
        println!("cross: {}: without {}", system.target, system.without);
    }
    Ok(())
}

fn missing() -> Vec<&'static str> {
    FILES
        .into_iter()
        .filter(|file| !Path::new(file).exists())
        .collect()
}

fn lay_down_stand_in(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("stand-in-for-cc");
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    fs::write(&path, STAND_IN).with_context(|| format!("write {}", path.display()))?;
    fs::set_permissions(&path, Permissions::from_mode(0o755))
        .with_context(|| format!("make {} executable", path.display()))?;
    Ok(path)
}

fn check(system: &System, target_dir: &Path, stand_in: &Path) -> Result<()> {
    let target = system.target;
    let suffix = target.replace('-', "_");
    let mut command = Command::new(FILES[0]);
    command
        .args(["check", "--quiet", "-Zbuild-std=std,panic_abort"])
        .args(["--target", target])
        .args(system.crates.iter().flat_map(|name| ["--package", name]))
        .current_dir(cargo::root())
        // Not the toolchain that runs this task.
        .env("PATH", "/usr/bin:/bin")
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env("RUSTC_BOOTSTRAP", "1")
        .env(format!("CC_{suffix}"), stand_in)
        .env(format!("CXX_{suffix}"), stand_in)
        .env(format!("AR_{suffix}"), stand_in)
        // Any folder: without one, Apple's own tools are asked for it.
        .env("SDKROOT", target_dir)
        // What `cargo clippy` does, whose own program may be that of another toolchain.
        .env("RUSTC_WORKSPACE_WRAPPER", FILES[3])
        .env("CLIPPY_ARGS", CLIPPY_ARGS)
        .env("CARGO_TARGET_DIR", target_dir);
    let status = command.status().context("start /usr/bin/cargo")?;
    if !status.success() {
        bail!("the check for {target} failed ({status})");
    }
    Ok(())
}
