//! Archives whose bytes depend on their content only: names in order, one time, one mode, stored.
//!
//! Nothing is deflated in them: they travel as zstd, and a delta between two stored archives is
//! small where their files are alike.

use std::fs::File;
use std::io::{self, BufReader, Seek, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::PublishError;
use crate::disk::{self, Readers};

/// Deepest folder below the given one. A limit, because a folder can be mounted into itself.
const MAX_DEPTH: usize = 16;

/// Most files of an archive.
const MAX_FILES: usize = 10_000;

/// Writes files to an archive, under these names and in this order. Only plain files: what a link
/// points to is read where the link was named by the caller, never while looking through folders.
pub(crate) fn write(
    to: impl Write + Seek,
    files: &[(String, PathBuf)],
) -> Result<(), PublishError> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(to);
    for (name, path) in files {
        let fail = |error: io::Error| PublishError::file("pack", path)(error);
        let mut file = BufReader::new(File::open(path).map_err(fail)?);
        archive
            .start_file(name.as_str(), options)
            .map_err(|error| fail(io::Error::other(error)))?;
        io::copy(&mut file, &mut archive).map_err(fail)?;
    }
    let end = archive.finish().map_err(io::Error::other);
    end.map(drop)
        .map_err(PublishError::file("write", Path::new("the archive")))
}

/// The files of a folder and of those in it, by their names in an archive, in order.
pub(crate) fn look_through(folder: &Path) -> Result<Vec<(String, PathBuf)>, PublishError> {
    let mut files = Vec::new();
    gather(folder, "", 0, &mut files)?;
    files.sort();
    if files.is_empty() {
        let text = format!("{} has no files", folder.display());
        return Err(PublishError::Refused(text));
    }
    Ok(files)
}

fn gather(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut Vec<(String, PathBuf)>,
) -> Result<(), PublishError> {
    let refuse = |text: String| Err(PublishError::Refused(text));
    if depth > MAX_DEPTH {
        let place = folder.display();
        return refuse(format!("{place} lies more than {MAX_DEPTH} folders deep"));
    }
    let entries = std::fs::read_dir(folder).map_err(PublishError::file("list", folder))?;
    for entry in entries {
        let entry = entry.map_err(PublishError::file("list", folder))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return refuse(format!("{}: the name is not text", path.display()));
        };
        let kind = entry
            .file_type()
            .map_err(PublishError::file("look at", &path))?;
        let name = format!("{prefix}{name}");
        if kind.is_dir() {
            gather(&path, &format!("{name}/"), depth + 1, files)?;
        } else if kind.is_file() {
            if files.len() == MAX_FILES {
                return refuse(format!(
                    "more than {MAX_FILES} files; {name} is one too many"
                ));
            }
            files.push((name, path));
        } else {
            return refuse(format!("{} is neither file nor folder", path.display()));
        }
    }
    Ok(())
}

/// Puts the plugins into the blobs: a zip as it is, a folder as a zip of its files. What is neither
/// would be refused by each host, one warning at a time; so it is refused here.
pub(crate) fn plugins(
    from: &Path,
    blobs: &Path,
) -> Result<(shared_slots::Digest, u64), PublishError> {
    if !from.is_dir() {
        let file = File::open(from).map_err(PublishError::file("read", from))?;
        ZipArchive::new(BufReader::new(file)).map_err(|error| {
            let place = from.display();
            PublishError::Refused(format!(
                "{place} is neither a folder nor a zip archive: {error}"
            ))
        })?;
        return disk::copy_by_digest(from, blobs);
    }
    let files = look_through(from)?;
    disk::make_folder(blobs)?;
    let made =
        disk::unfinished(blobs, Readers::Owner).map_err(PublishError::file("write into", blobs))?;
    write(made.as_file(), &files)?;
    disk::copy_by_digest(made.path(), blobs)
}
