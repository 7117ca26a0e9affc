//! What the demo needs before it starts: two releases, a clone of this repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo;

/// Binaries in the demo's own folder, so that a later build cannot change them under it.
pub(super) struct Built {
    pub(super) server: PathBuf,
    pub(super) bootstrapper: PathBuf,
    pub(super) release_a: PathBuf,
    pub(super) release_b: PathBuf,
}

/// Builds everything; cargo shows its own progress.
pub(super) fn build(folder: &Path, stamp_a: &str, stamp_b: &str) -> Result<Built> {
    let bin = folder.join("bin");
    cargo::run(&[
        "build",
        "--package",
        "trireme-server",
        "--package",
        "bootstrapper",
    ])?;
    let server = copy("trireme-server", &bin)?;
    let bootstrapper = copy("bootstrapper", &bin)?;
    let release_b = release(&bin.join("release-b"), stamp_b)?;
    let release_a = release(&bin.join("release-a"), stamp_a)?;
    // The factory launcher lies beside the bootstrapper, as packages lay it.
    std::fs::copy(release_a.join("launcher"), bin.join("launcher"))
        .context("lay down the factory launcher")?;
    Ok(Built {
        server,
        bootstrapper,
        release_a,
        release_b,
    })
}

fn release(folder: &Path, stamp: &str) -> Result<PathBuf> {
    let status = cargo::command(&["build", "--package", "launcher", "--package", "agent"])
        .env("TRIREME_VERSION", stamp)
        .status()
        .context("start cargo")?;
    if !status.success() {
        bail!("building release {stamp} failed ({status})");
    }
    copy("launcher", folder)?;
    copy("agent", folder)?;
    Ok(folder.to_owned())
}

fn copy(name: &str, folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let from = cargo::target_dir()?.join("debug").join(name);
    let to = folder.join(name);
    std::fs::copy(&from, &to).with_context(|| format!("copy {}", from.display()))?;
    Ok(to)
}

/// A bare clone of this repository, for the jobs to check out.
pub(super) fn clone_repository(folder: &Path) -> Result<PathBuf> {
    let clone = folder.join("trireme.git");
    let output = Command::new("git")
        .args(["clone", "--quiet", "--bare", "--no-hardlinks"])
        .arg(cargo::root())
        .arg(&clone)
        .output()
        .context("start git; the demo and every job need it")?;
    if !output.status.success() {
        bail!(
            "git clone failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(clone)
}

/// Publishes a release as its maintainer would.
pub(super) fn publish(built: &Built, folder: &Path, version: &str, release: &Path) -> Result<()> {
    let output = Command::new(&built.server)
        .args(["release", "publish", "--version", version, "--data-dir"])
        .arg(folder.join("server"))
        .arg("--launcher")
        .arg(release.join("launcher"))
        .arg("--agent")
        .arg(release.join("agent"))
        .output()
        .context("start trireme-server")?;
    if !output.status.success() {
        bail!(
            "publishing {version} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
