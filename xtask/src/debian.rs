//! Debian's packages, for what a task needs and Rust does not bring.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Makes sure that none of `missing` is left: installs the packages when this runs as root on Debian,
/// and says elsewhere what is missing.
pub(crate) fn provide(packages: &[&str], missing: impl Fn() -> Vec<&'static str>) -> Result<()> {
    if missing().is_empty() {
        return Ok(());
    }
    let is_debian = Path::new("/etc/debian_version").exists();
    if is_debian && rustix::process::geteuid().is_root() {
        apt(&["update"])?;
        let install = ["install", "--yes", "--no-install-recommends"];
        apt(&[&install[..], packages].concat())?;
    }
    let missing = missing();
    if !missing.is_empty() {
        bail!(
            "missing: {}; on Debian: apt-get install {}",
            missing.join(", "),
            packages.join(" ")
        );
    }
    Ok(())
}

fn apt(args: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(["--quiet", "--quiet"])
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("start apt-get")?;
    if !status.success() {
        bail!("apt-get {} failed ({status})", args.join(" "));
    }
    Ok(())
}
