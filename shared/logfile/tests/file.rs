//! The log file on a real disk, and on one that is full.

use std::io::Write as _;
use std::path::PathBuf;

use shared_logfile::LogFile;

fn bench() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tier.log");
    (folder, path)
}

fn text(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).expect("readable")
}

#[cfg(unix)]
#[test]
fn a_new_log_is_for_its_owner_only_and_is_appended_to_later() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path) = bench();
    for line in ["one\n", "two\n"] {
        let mut log = LogFile::open(&path, 100).expect("opened");
        log.write_all(line.as_bytes()).expect("never fails");
    }
    assert_eq!(text(&path), "one\ntwo\n");
    let mode = std::fs::metadata(&path)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn two_files_of_the_cap_are_all_it_ever_takes() {
    let (folder, path) = bench();
    let mut log = LogFile::open(&path, 100).expect("opened");
    for number in 0..1000 {
        writeln!(log, "line {number:04}").expect("never fails");
        assert!(text(&path).len() <= 100);
    }
    let older = folder.path().join("tier.log.1");
    assert_eq!(text(&older).len(), 100);
    let both = text(&older) + &text(&path);
    // The newest lines are there, in order and whole.
    let lines: Vec<_> = both.lines().collect();
    assert_eq!(lines.last(), Some(&"line 0999"));
    assert!(lines.is_sorted());
    assert!(lines.iter().all(|line| line.len() == 9));
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 2);
}

#[test]
fn a_line_longer_than_the_cap_gets_a_file_of_its_own() {
    let (_folder, path) = bench();
    let mut log = LogFile::open(&path, 10).expect("opened");
    log.write_all(b"short\n").expect("never fails");
    log.write_all(b"much longer than that\n")
        .expect("never fails");
    assert_eq!(text(&path), "much longer than that\n");
}

#[test]
fn a_log_that_somebody_removed_comes_back() {
    let (_folder, path) = bench();
    let mut log = LogFile::open(&path, 100).expect("opened");
    log.write_all(b"one\n").expect("never fails");
    std::fs::remove_file(&path).expect("removed");
    log.write_all(b"two\n").expect("never fails");
    assert_eq!(text(&path), "two\n");
}

#[test]
fn two_writers_share_one_file_and_its_cap() {
    let (folder, path) = bench();
    let mut logs = [(); 2].map(|()| LogFile::open(&path, 100).expect("opened"));
    for number in 0..1000 {
        writeln!(logs[number % 2], "line {number:04}").expect("never fails");
        assert!(text(&path).len() <= 100);
    }
    let both = text(&folder.path().join("tier.log.1")) + &text(&path);
    let numbers: Vec<_> = both
        .lines()
        .map(|line| line[5..].parse::<u32>().expect("a number"))
        .collect();
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    assert_eq!(numbers.last(), Some(&999));
}

#[test]
fn a_folder_in_the_way_is_said_at_the_start() {
    let (folder, _) = bench();
    assert!(LogFile::open(folder.path(), 10).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_survived_and_counted() {
    let mut log = LogFile::open("/dev/full", 100).expect("opened");
    log.write_all(b"lost\n").expect("never fails");
    log.write_all(b"lost too\n").expect("never fails");
    assert_eq!(log.dropped(), 14);
}

#[test]
fn what_was_lost_is_said_once_there_is_room_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (logs, away) = (folder.path().join("logs"), folder.path().join("away"));
    std::fs::create_dir(&logs).expect("made");
    let path = logs.join("tier.log");
    let mut log = LogFile::open(&path, 10).expect("opened");
    log.write_all(b"one\n").expect("never fails");
    std::fs::rename(&logs, &away).expect("moved");
    std::fs::write(&logs, "in the way").expect("written");
    log.write_all(b"lost lost\n").expect("never fails");
    log.write_all(b"too\n").expect("never fails");
    std::fs::remove_file(&logs).expect("removed");
    std::fs::rename(&away, &logs).expect("moved back");
    log.write_all(b"three\n").expect("never fails");
    assert_eq!(text(&path), "one\n14 bytes of log were lost here\nthree\n");
    assert_eq!(log.dropped(), 0);
}

#[test]
fn a_folder_that_was_removed_is_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("logs");
    let path = logs.join("tier.log");
    let mut log = LogFile::closed(&path, 100);
    log.write_all(b"one\n").expect("never fails");
    std::fs::remove_dir_all(&logs).expect("removed");
    log.write_all(b"two\n").expect("never fails");
    assert_eq!(text(&path), "two\n");
    assert_eq!(log.dropped(), 0);
}
