//! The name of this run of the machine: another one after each start, and on each copy of it.

use std::path::Path;

/// Made of what the operating system calls this start of it, and of where the identity lies:
/// containers of one machine share the former, but each has a file of its own. The host's name is no
/// part of it, for a machine may get another one while its agents are at work.
pub fn name(identity: &Path, hostname: &str) -> String {
    // Where the system gives none, copies are told apart by their names only.
    let start = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let place = place(identity).unwrap_or_else(|| hostname.to_owned());
    format!("{}/{place}", start.trim())
}

/// Which file of this machine it is, whatever it is called.
#[cfg(unix)]
fn place(file: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(file).ok()?;
    Some(format!("{:x}:{:x}", found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn place(_: &Path) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_host_that_was_renamed_is_the_same_and_a_copy_of_its_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, copy) = (folder.path().join("identity"), folder.path().join("copy"));
        std::fs::write(&ours, "id=1").unwrap();
        std::fs::copy(&ours, &copy).unwrap();
        assert_eq!(name(&ours, "before"), name(&ours, "after"));
        assert_ne!(name(&ours, "box"), name(&copy, "box"));
    }

    #[test]
    fn without_a_file_hosts_of_one_machine_are_told_apart_by_their_names() {
        let nowhere = Path::new("/nowhere/identity");
        assert_eq!(name(nowhere, "a"), name(nowhere, "a"));
        assert_ne!(name(nowhere, "a"), name(nowhere, "b"));
    }
}
