//! What a chain needs before it starts: binaries, releases, a clone of this repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo;

/// How the binaries are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As tests are: quick to build.
    Dev,
    /// As packages are: what is measured.
    Release,
}

impl Profile {
    /// Arguments of cargo.
    pub(crate) fn args(self) -> &'static [&'static str] {
        match self {
            Self::Dev => &["build"],
            Self::Release => &["build", "--release"],
        }
    }

    /// Folder of the programs, below that of the target.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Binaries in the task's own folder, so that a later build cannot change them under it.
pub(crate) struct Built {
    profile: Profile,
    pub(crate) server: PathBuf,
    pub(crate) bootstrapper: PathBuf,
}

/// Builds what is not released; cargo shows its own progress.
pub(crate) fn build_server_and_bootstrapper(folder: &Path, profile: Profile) -> Result<Built> {
    let packages = ["--package", "trireme-server", "--package", "bootstrapper"];
    cargo::run(&[profile.args(), &packages].concat())?;
    let bin = folder.join("bin");
    Ok(Built {
        profile,
        server: copy(profile, "trireme-server", &bin)?,
        bootstrapper: copy(profile, "bootstrapper", &bin)?,
    })
}

/// Builds launcher and agent with this version stamp, and returns the folder that holds them.
pub(crate) fn release(folder: &Path, profile: Profile, stamp: &str) -> Result<PathBuf> {
    let folder = folder.join("bin").join(stamp);
    let packages = ["--package", "launcher", "--package", "agent"];
    let status = cargo::command(&[profile.args(), &packages].concat())
        .env("TRIREME_VERSION", stamp)
        .status()
        .context("start cargo")?;
    if !status.success() {
        bail!("building release {stamp} failed ({status})");
    }
    copy(profile, "launcher", &folder)?;
    copy(profile, "agent", &folder)?;
    Ok(folder)
}

fn copy(profile: Profile, name: &str, folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let from = cargo::target_dir()?.join(profile.folder()).join(name);
    let to = folder.join(name);
    std::fs::copy(&from, &to).with_context(|| format!("copy {}", from.display()))?;
    Ok(to)
}

/// A bare clone of this repository, for the jobs to check out.
pub(crate) fn clone_repository(folder: &Path) -> Result<PathBuf> {
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
pub(crate) fn publish(built: &Built, folder: &Path, version: &str, release: &Path) -> Result<()> {
    let output = Command::new(&built.server)
        .args(["release", "publish", "--version", version])
        // What tests build is large, and compressing it takes longer than all the rest.
        .args((built.profile == Profile::Dev).then_some("--plain"))
        .arg("--data-dir")
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
