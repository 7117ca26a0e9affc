//! Name and version of a Unix host.

use std::path::PathBuf;

/// The host's name as `uname -n` prints it.
pub(crate) fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// All of `/etc/*-release`, in the order of their names; where there is none, name and release of
/// the kernel.
pub(crate) fn version_text() -> String {
    let mut files: Vec<PathBuf> = std::fs::read_dir("/etc")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with("-release"))
        .collect();
    files.sort();
    let text: String = files
        .iter()
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .collect();
    if text.is_empty() {
        let name = rustix::system::uname();
        return format!(
            "{} {}",
            name.sysname().to_string_lossy(),
            name.release().to_string_lossy()
        );
    }
    text
}
