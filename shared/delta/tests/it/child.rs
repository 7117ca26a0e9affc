//! The same in a process of its own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Output};

use shared_delta::child::{Work, arguments, outcome};
use shared_delta::{Algorithm, Kind, create, encode_zstd};

use crate::bed::{Bed, noise};

/// The example of this crate, which is built with its tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let name = format!("apply{}", std::env::consts::EXE_SUFFIX);
    profile.join("examples").join(name)
}

fn run(arguments: Vec<OsString>) -> Output {
    let program = program();
    let output = Command::new(&program).args(arguments).output();
    output.unwrap_or_else(|error| {
        let program = program.display();
        panic!("{program}: {error}; `cargo test -p shared-delta --features create` builds it")
    })
}

fn judge(output: &Output) -> Result<(), (Kind, String)> {
    let judged = outcome(output.status.code(), &output.stderr);
    judged.map_err(|error| (error.kind(), error.to_string()))
}

#[test]
fn a_child_makes_the_same_files() {
    let (old, new) = (
        noise(300_000, 1),
        [noise(300_000, 1), noise(1000, 2)].concat(),
    );
    let size = new.len() as u64;
    for algorithm in Algorithm::ALL {
        let bed = Bed::new(&old, &create(algorithm, &old, &new).unwrap());
        let work = Work::Apply(algorithm, &bed.old());
        let output = run(arguments(work, &bed.patch(), &bed.out(), size));
        assert_eq!(judge(&output), Ok(()));
        assert!(std::fs::read(bed.out()).unwrap() == new);
    }
    let bed = Bed::new(b"", &encode_zstd(&new).unwrap());
    let output = run(arguments(Work::Whole, &bed.patch(), &bed.out(), size));
    assert_eq!(judge(&output), Ok(()));
    assert!(std::fs::read(bed.out()).unwrap() == new);
}

#[test]
fn a_child_says_what_was_wrong() {
    let bed = Bed::new(b"old", b"no patch");
    let work = Work::Apply(Algorithm::Bsdiff4, &bed.old());
    let (kind, text) = judge(&run(arguments(work, &bed.patch(), &bed.out(), 1))).unwrap_err();
    assert_eq!(kind, Kind::Patch);
    assert!(text.starts_with("the patch does not fit"), "{text}");

    let gone = bed.out().join("gone");
    let (kind, text) = judge(&run(arguments(work, &gone, &bed.out(), 1))).unwrap_err();
    assert_eq!(kind, Kind::Disk);
    assert!(text.contains(&gone.display().to_string()), "{text}");

    let usage = run(vec!["bsdiff5".into()]);
    assert_eq!(usage.status.code(), Some(2));
    let (kind, text) = judge(&usage).unwrap_err();
    assert_eq!(kind, Kind::Process);
    assert!(text.starts_with("usage: "), "{text}");
}

#[test]
fn a_child_that_died_is_trouble_with_the_process() {
    for code in [None, Some(101), Some(-1), Some(5)] {
        let error = outcome(code, b"").unwrap_err();
        assert_eq!(error.kind(), Kind::Process);
        assert!(
            error.to_string().starts_with("applying the patch"),
            "{error}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_child_gets_no_more_memory_than_its_work_needs() {
    // An old file that says it is empty and never ends: without a limit, reading it would take all
    // memory of the machine.
    let bed = Bed::new(b"old", b"");
    let work = Work::Apply(Algorithm::Bsdiff4, &PathBuf::from("/dev/zero"));
    let (kind, text) = judge(&run(arguments(work, &bed.patch(), &bed.out(), 1))).unwrap_err();
    assert_eq!(kind, Kind::Process, "{text}");
}
