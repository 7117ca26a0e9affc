//! An archive whose every entry was checked before the first byte is written.
//!
//! The library reads the format; what it would accept is more than this takes. The directory has to
//! end the file, without a comment, a prefix or the 64-bit records: then there is only one reading,
//! and its size is known before memory is given to it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};

use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipError;

use crate::entry_name::{EntryName, NameError, Names};

/// Size of the record that ends an archive (APPNOTE.TXT 4.3.16), and how it begins.
const END_BYTES: usize = 22;
const END_MARK: [u8; 4] = *b"PK\x05\x06";

/// Size of the record that points to 64-bit ones, right before the end (4.3.15), and how it begins.
const LOCATOR_BYTES: usize = 20;
const LOCATOR_MARK: [u8; 4] = *b"PK\x06\x07";

/// What a directory may take in the file per entry, on average.
const DIRECTORY_BYTES_PER_ENTRY: u64 = 512;

/// The part of a mode that says what kind of thing it is, and two of the answers.
const MODE_KIND: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;
const MODE_FOLDER: u32 = 0o040_000;

/// How much of anything an archive may hold. Sizes in bytes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The archive itself.
    pub archive: u64,
    /// Entries, folders included.
    pub entries: u16,
    /// One unpacked file.
    pub file: u64,
    /// All of them.
    pub total: u64,
    /// All of them, per byte of the archive. Less than a megabyte is never too much.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive: 256 << 20,
            entries: 1000,
            file: 128 << 20,
            total: 512 << 20,
            ratio: 100,
        }
    }
}

/// What no ratio is applied to.
const SMALL: u64 = 1 << 20;

/// Why an archive is refused. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Not an archive, or one with parts that allow another reading.
    #[error("it is no plain zip archive that ends with its directory; publish it anew")]
    Shape,
    /// Larger than the limits allow; the text says in which way.
    #[error("it holds {0}; plugins must be smaller")]
    TooMuch(&'static str),
    /// An entry's name.
    #[error("entry {0:?} is refused: {1}")]
    Name(String, NameError),
    /// Two entries with the very same name.
    #[error("two of its entries have the same name")]
    Twice,
    /// A link, a device, or an encrypted entry.
    #[error("entry {0:?} is neither a plain file nor a folder")]
    Special(String),
    /// It could not be read to its end as what it says it is.
    #[error("it is damaged: {0}")]
    Damaged(#[from] ZipError),
    /// The file itself could not be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// A file in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileEntry {
    /// Parts joined by `/`.
    pub(crate) name: String,
    /// Unpacked size in bytes.
    pub(crate) size: u64,
    index: usize,
}

/// A checked archive. Folders without files are not kept.
#[derive(Debug)]
pub(crate) struct Archive {
    zip: ZipArchive<File>,
    /// Its files.
    pub(crate) files: Vec<FileEntry>,
}

impl Archive {
    /// Checks all of it but the content of its files, and its own length.
    pub(crate) fn open(mut file: File, limits: &Limits) -> Result<Self, ArchiveError> {
        let length = file.metadata()?.len();
        check_end(&mut file, length, limits)?;
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let mut zip = ZipArchive::with_config(config, file)?;
        let files = check_entries(&mut zip, limits)?;
        let most = SMALL
            .max(length.saturating_mul(limits.ratio))
            .min(limits.total);
        if files.iter().map(|file| file.size).sum::<u64>() > most {
            return Err(ArchiveError::TooMuch("too much for its size once unpacked"));
        }
        Ok(Self { zip, files })
    }

    /// Unpacks one file. Never gives `out` more bytes than the entry says it has.
    pub(crate) fn copy(&mut self, file: &FileEntry, out: &mut impl Write) -> io::Result<()> {
        let entry = self.zip.by_index(file.index)?;
        let copied = io::copy(&mut entry.take(file.size + 1), &mut Capped(out, file.size))?;
        if copied != file.size {
            let text = "an entry is shorter than it says";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        Ok(())
    }
}

/// Fails where more comes than was announced.
struct Capped<'a, W>(&'a mut W, u64);

impl<W: Write> Write for Capped<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.1.checked_sub(bytes.len() as u64);
        self.1 = left.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "an entry is longer than it says",
            )
        })?;
        self.0.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The last record has to say that the directory lies right before it and is small enough.
fn check_end(file: &mut File, length: u64, limits: &Limits) -> Result<(), ArchiveError> {
    let start = length
        .checked_sub(END_BYTES as u64)
        .ok_or(ArchiveError::Shape)?;
    let mut end = [0; END_BYTES];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut end)?;
    let short = |at: usize| u16::from_le_bytes([end[at], end[at + 1]]);
    let long = |at: usize| u64::from(short(at)) | u64::from(short(at + 2)) << 16;
    let (entries_here, entries, directory, offset) = (short(8), short(10), long(12), long(16));
    if end[..4] != END_MARK || entries_here != entries || offset + directory != start {
        return Err(ArchiveError::Shape);
    }
    // It may hide in the last entry of the directory, and the library would follow it.
    if let Some(before) = start.checked_sub(LOCATOR_BYTES as u64) {
        let mut mark = [0; 4];
        file.seek(SeekFrom::Start(before))?;
        file.read_exact(&mut mark)?;
        if mark == LOCATOR_MARK {
            return Err(ArchiveError::Shape);
        }
    }
    file.rewind()?;
    if entries > limits.entries || directory > u64::from(entries) * DIRECTORY_BYTES_PER_ENTRY {
        return Err(ArchiveError::TooMuch("too many entries"));
    }
    Ok(())
}

fn check_entries(
    zip: &mut ZipArchive<File>,
    limits: &Limits,
) -> Result<Vec<FileEntry>, ArchiveError> {
    // The library keeps one of several entries with the same bytes for a name, and not which.
    if zip.has_duplicate_names() {
        return Err(ArchiveError::Twice);
    }
    let mut names = Names::default();
    let mut files = Vec::new();
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index)?;
        let shown = || String::from_utf8_lossy(entry.name_raw()).into_owned();
        let name = EntryName::check(entry.name_raw())
            .and_then(|name| names.take(&name).map(|()| name))
            .map_err(|error| ArchiveError::Name(shown(), error))?;
        let kind = entry.unix_mode().map_or(0, |mode| mode & MODE_KIND);
        let plain = if name.folder { MODE_FOLDER } else { MODE_FILE };
        let not_empty = name.folder && entry.size() > 0;
        if (kind != 0 && kind != plain) || not_empty || entry.encrypted() {
            return Err(ArchiveError::Special(shown()));
        }
        if entry.size() > limits.file {
            return Err(ArchiveError::TooMuch("a file that is too large"));
        }
        if !name.folder {
            files.push(FileEntry {
                name: name.text,
                size: entry.size(),
                index,
            });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}
