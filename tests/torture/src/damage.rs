//! What a scenario does to the disk of a host that is stopped.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::check::Allowed;
use crate::host::Host;
use crate::scenario::Damage;

/// Does it, and takes note of what may be broken from now on.
pub(crate) fn inflict(host: &Host<'_>, allowed: &mut Allowed, damage: Damage) -> io::Result<()> {
    match damage {
        Damage::None => {}
        Damage::Committed(component) => {
            let Some(digest) = host.page(component).committed() else {
                return Ok(());
            };
            let path = host.stored(component, digest);
            let mut bytes = fs::read(&path)?;
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
            fs::write(&path, bytes)?;
            allowed.damaged = Some(digest);
        }
        Damage::OnePage(component) => {
            let newer = host.state.pages(component).into_iter().max_by_key(|path| {
                let bytes = fs::read(path).unwrap_or_default();
                // The generation stands at the same place in both; so does the checksum, after it.
                bytes
                    .get(8..16)
                    .map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap_or_default()))
            });
            if let Some(path) = newer {
                fs::write(path, [0xA5; 512])?;
            }
            // The older page names what was there before, which may have been swept.
            allowed.settled.remove(component.name());
        }
        Damage::BothPages(component) => {
            for path in host.state.pages(component) {
                fs::write(path, [0; 512])?;
            }
            allowed.settled.remove(component.name());
        }
        Damage::Knowledge => {
            // The roots themselves are all that a host cannot do without.
            let in_trust = fs::read_dir(host.state.trust())?.flatten();
            let paths = in_trust
                .map(|entry| entry.path())
                .chain([host.state.manifest()]);
            let is_root = |path: &PathBuf| path.to_string_lossy().ends_with(".root.json");
            for path in paths.filter(|path| path.is_file() && !is_root(path)) {
                fs::write(path, "not what was here")?;
            }
        }
        Damage::JobRecord => {
            fs::create_dir_all(host.state.jobs())?;
            fs::write(host.state.jobs().join("1.json"), "{")?;
        }
        Damage::Leftovers => {
            let digest = "0".repeat(64);
            fs::create_dir_all(host.state.store().join(format!(".tmp-{digest}")))?;
            fs::create_dir_all(host.state.partial())?;
            fs::write(host.state.partial().join(format!("{digest}.part")), "half")?;
            fs::write(host.state.run().join("agent-1"), "pid=1 start=1 digest=\n")?;
        }
    }
    Ok(())
}
