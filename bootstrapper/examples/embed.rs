//! Makes a bootstrapper that carries its factory launcher: one file to install.
//!
//! `cargo run --package bootstrapper --example embed -- BOOTSTRAPPER LAUNCHER RESULT`
#![expect(
    clippy::print_stdout,
    reason = "a tool of packagers talks to the terminal"
)]

use std::io::{Error, Result};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

fn main() -> Result<()> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [bootstrapper, launcher, result] = &paths[..] else {
        return Err(Error::other("usage: embed BOOTSTRAPPER LAUNCHER RESULT"));
    };
    let read = |path: &PathBuf| {
        std::fs::read(path)
            .map_err(|error| Error::other(format!("cannot read {}: {error}", path.display())))
    };
    let whole = bootstrapper::payload::append_payload(&read(bootstrapper)?, &read(launcher)?);
    std::fs::write(result, &whole)?;
    std::fs::set_permissions(result, std::fs::Permissions::from_mode(0o755))?;
    println!("{}: {} bytes", result.display(), whole.len());
    Ok(())
}
