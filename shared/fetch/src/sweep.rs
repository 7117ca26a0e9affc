//! Partial files of releases that nobody wants any more.

use std::fs;
use std::io;
use std::path::Path;

use shared_fault::point;
use shared_slots::Digest;

/// Removes the files in the folder of partial files that belong to none of the digests in `keep`:
/// those of an order and of all its sources. Says how many that were. Files whose names are not
/// ours stay. One that cannot be removed keeps no other from going; the error is that of the first.
pub fn remove_superseded(folder: &Path, keep: &[Digest]) -> io::Result<usize> {
    point("fetch.sweep_list")?;
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut removed = Ok(0);
    for entry in entries {
        let entry = entry?;
        let digest = entry.file_name().to_str().and_then(digest_of);
        if digest.is_none_or(|digest| keep.contains(&digest)) {
            continue;
        }
        let done = point("fetch.sweep_remove").and_then(|()| fs::remove_file(entry.path()));
        removed = removed.and_then(|count| done.map(|()| count + 1));
    }
    removed
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
        let gone = folder.path().join("gone");
        assert_eq!(remove_superseded(&gone, &[]).unwrap(), 0);
    }

    #[test]
    fn what_cannot_be_removed_keeps_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let names = [b"1", b"2", b"3"].map(|n| format!("{}.part", Digest::of(n)));
        for name in &names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let stuck = folder.path().join(format!("{}.made", Digest::of(b"4")));
        fs::create_dir(&stuck).unwrap();
        remove_superseded(folder.path(), &[]).unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
