//! Partial files of releases that nobody wants any more.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shared_fault::point;
use shared_slots::Digest;

/// The files in the folder of partial files that belong to none of the digests in `keep`
/// ([`crate::Order::digests`]). Files whose names are not ours are left out.
pub fn superseded(folder: &Path, keep: &[Digest]) -> io::Result<Vec<PathBuf>> {
    point("fetch.sweep_list")?;
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let digest = entry.file_name().to_str().and_then(digest_of);
        if digest.is_some_and(|digest| !keep.contains(&digest)) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Removes what [`superseded`] lists, and says how many files that were.
pub fn remove_superseded(folder: &Path, keep: &[Digest]) -> io::Result<usize> {
    let old = superseded(folder, keep)?;
    for path in &old {
        point("fetch.sweep_remove").and_then(|()| fs::remove_file(path))?;
    }
    Ok(old.len())
}

/// The digest in `<digest>`, `<digest>.part`, `<digest>.part.etag` or `<digest>.made`.
fn digest_of(name: &str) -> Option<Digest> {
    let (digest, ending) = name.split_at_checked(64)?;
    let ours = matches!(ending, "" | ".etag" | ".part" | ".part.etag" | ".made");
    digest.parse().ok().filter(|_| ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_and_what_is_not_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, old) = (Digest::of(b"kept"), Digest::of(b"old"));
        let names = [
            format!("{kept}.part"),
            format!("{kept}.part.etag"),
            format!("{old}.part.x"),
            "notes".into(),
            format!("{old}"),
            format!("{old}.made"),
            format!("{old}.part"),
            format!("{old}.part.etag"),
        ];
        for name in &names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(remove_superseded(folder.path(), &[kept]).unwrap(), 4);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
        assert_eq!(remove_superseded(folder.path(), &[kept]).unwrap(), 0);
        assert_eq!(
            superseded(&folder.path().join("gone"), &[]).unwrap(),
            [] as [PathBuf; 0]
        );
    }
}
