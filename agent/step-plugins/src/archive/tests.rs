//! Archives that unpack as they are meant to, and hostile ones that do not.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

use proptest::prelude::*;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const PLAIN: SimpleFileOptions = SimpleFileOptions::DEFAULT;

/// An archive with what `put` puts into it.
fn archive(put: impl FnOnce(&mut ZipWriter<File>)) -> File {
    let mut zip = ZipWriter::new(tempfile::tempfile().unwrap());
    zip.set_comment("made by a tool that says so").unwrap();
    put(&mut zip);
    let mut file = zip.finish().unwrap();
    file.rewind().unwrap();
    file
}

fn with(name: &str, content: &[u8]) -> File {
    archive(|zip| {
        zip.start_file(name, PLAIN).unwrap();
        zip.write_all(content).unwrap();
    })
}

/// Unpacks to a folder inside of one that would show what leads out of it.
fn run(archive: File) -> (TempDir, Result<(), ArchiveError>) {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("into");
    fs::create_dir(&into).unwrap();
    let make_file = |path: &Path, mode| {
        let mut options = File::options();
        options.write(true).create_new(true).mode(mode).open(path)
    };
    let result = unpack(archive, &into, make_file);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    (dir, result)
}

#[test]
fn files_folders_and_execute_bits_come_out_as_they_went_in() {
    let (dir, result) = run(archive(|zip| {
        zip.add_directory("hooks", PLAIN).unwrap();
        zip.start_file("hooks/environment", PLAIN.unix_permissions(0o755))
            .unwrap();
        zip.write_all(b"echo hi\n").unwrap();
        zip.start_file("lib/a b/.hidden", PLAIN.unix_permissions(0o400))
            .unwrap();
        zip.write_all(&[7; 9_000]).unwrap();
    }));
    result.unwrap();
    let at = |path: &str| dir.path().join("into").join(path);
    let mode = |path: &str| at(path).metadata().unwrap().permissions().mode() & 0o700;
    assert_eq!(fs::read(at("hooks/environment")).unwrap(), b"echo hi\n");
    assert_eq!(fs::read(at("lib/a b/.hidden")).unwrap(), [7; 9_000]);
    assert_eq!(
        (mode("hooks/environment"), mode("lib/a b/.hidden")),
        (0o700, 0o600)
    );
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["../x", "a/../../x", "..", "a/..", "a\nb", "/", "./"] {
        let (_dir, result) = run(with(name, b"x"));
        assert!(
            matches!(result, Err(ArchiveError::Name(_))),
            "{name:?}: {result:?}"
        );
    }
}

#[test]
fn links_are_refused() {
    let (_dir, result) = run(archive(|zip| {
        zip.add_symlink("hooks", "/etc", PLAIN).unwrap();
    }));
    assert!(
        matches!(result, Err(ArchiveError::Special(_))),
        "{result:?}"
    );
}

#[test]
fn a_file_cannot_take_the_place_of_another_thing() {
    let (_dir, result) = run(archive(|zip| {
        zip.start_file("a", PLAIN).unwrap();
        zip.start_file("a/b", PLAIN).unwrap();
    }));
    assert!(matches!(result, Err(ArchiveError::Io(_))), "{result:?}");
    let (_dir, result) = run(archive(|zip| {
        zip.start_file("a", PLAIN).unwrap();
        zip.start_file("./a", PLAIN).unwrap();
    }));
    assert!(matches!(result, Err(ArchiveError::Io(_))), "{result:?}");
}

#[test]
fn an_archive_that_would_fill_the_disk_is_refused_before_anything_is_written() {
    let (dir, result) = run(archive(|zip| {
        zip.start_file("small", PLAIN).unwrap();
        zip.start_file("large", PLAIN).unwrap();
        let megabyte = vec![0; 1 << 20];
        for _ in 0..=ARCHIVE_BYTES >> 20 {
            zip.write_all(&megabyte).unwrap();
        }
    }));
    assert!(matches!(result, Err(ArchiveError::TooMuch)), "{result:?}");
    assert_eq!(fs::read_dir(dir.path().join("into")).unwrap().count(), 0);
}

#[test]
fn an_entry_that_is_longer_than_it_says_is_refused() {
    let mut bytes = Vec::new();
    with("a", &[b'x'; 9_999]).read_to_end(&mut bytes).unwrap();
    let size = 9_999_u32.to_le_bytes();
    for at in 0..bytes.len() - 4 {
        if bytes[at..at + 4] == size {
            bytes[at..at + 4].copy_from_slice(&7_u32.to_le_bytes());
        }
    }
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    let (_dir, result) = run(file);
    assert!(result.is_err());
}

#[test]
fn the_digest_is_that_of_the_whole_file() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"abc").unwrap();
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest(&mut file).unwrap(), known);
}

proptest! {
    #[test]
    fn any_bytes_are_unpacked_inside_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..400, byte: u8) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let (_dir, result) = run(file);
        prop_assert!(result.is_err());
        let mut whole = Vec::new();
        with("hooks/x", &bytes).read_to_end(&mut whole).unwrap();
        let at = at % whole.len();
        whole[at] = byte;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&whole).unwrap();
        let _ = run(file);
    }

    #[test]
    fn a_path_that_passes_stays_below_its_folder(name in prop::collection::vec(any::<u8>(), 0..30)) {
        if let Some(path) = inside(&name) {
            prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
        }
    }
}
