//! The store on a real disk: sealing, checking, healing, cleaning up.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use shared_slots::{Digest, EntryError, Fs, Meta, OsFs, Room, SealError, Source, Store};

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().join("store"));
        store.create().expect("created");
        Self { folder, store }
    }

    fn file(&self, content: &str) -> PathBuf {
        let path = self.folder.path().join("source");
        std::fs::write(&path, content).expect("written");
        path
    }

    fn seal(&self, component: &str, serial: u64) -> Digest {
        let content = format!("{component} {serial}");
        let digest = Digest::of(content.as_bytes());
        let path = self.file(&content);
        self.store
            .seal(digest, Source::Copy(&path), &meta(component, serial), &[])
            .expect("sealed");
        digest
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("store")).expect("readable");
        let mut names: Vec<_> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("text")
            })
            .collect();
        names.sort();
        names
    }
}

fn meta(component: &str, serial: u64) -> Meta {
    Meta {
        component: component.into(),
        version: format!("0.{serial}"),
        serial,
        ..Meta::default()
    }
}

#[cfg(unix)]
#[test]
fn a_sealed_version_can_be_executed_under_each_of_its_names() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    let digest = Digest::of(b"#!");
    let source = bench.file("#!");
    let sealed = bench.store.seal(
        digest,
        Source::Move(&source),
        &meta("agent", 4),
        &["buildkite-agent"],
    );
    sealed.expect("sealed");
    assert!(!source.exists());
    let path = bench.store.verified(digest, "agent").expect("whole");
    let mode = std::fs::metadata(&path)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o555);
    let alias = path.with_file_name("buildkite-agent");
    assert_eq!(std::fs::read(alias).expect("readable"), b"#!");
    assert_eq!(bench.store.meta(digest), meta("agent", 4));
}

#[test]
fn a_part_of_a_file_can_be_sealed() {
    let bench = Bench::new();
    let source = bench.file("headpayloadfoot");
    let digest = Digest::of(b"payload");
    let part = Source::Part {
        of: &source,
        from: 4,
        length: 7,
    };
    bench
        .store
        .seal(digest, part, &meta("launcher", 0), &[])
        .expect("sealed");
    let path = bench.store.verified(digest, "launcher").expect("whole");
    assert_eq!(std::fs::read(path).expect("readable"), b"payload");
}

#[test]
fn a_file_that_is_not_the_wanted_one_does_not_get_in() {
    let bench = Bench::new();
    let source = bench.file("other");
    let wanted = Digest::of(b"wanted");
    let sealed = bench
        .store
        .seal(wanted, Source::Copy(&source), &meta("agent", 1), &[]);
    match sealed {
        Err(SealError::WrongDigest { found }) => assert_eq!(found, Digest::of(b"other")),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        bench.store.verified(wanted, "agent"),
        Err(EntryError::Missing)
    ));
    assert!(bench.store.list().expect("listed").is_empty());
}

#[test]
fn a_corrupt_version_is_refused_and_heals_when_it_is_sealed_again() {
    let bench = Bench::new();
    let digest = bench.seal("agent", 1);
    let path = bench.store.verified(digest, "agent").expect("whole");
    std::fs::remove_file(&path).expect("removed");
    std::fs::write(&path, "agent 2").expect("garbled");
    match bench.store.verified(digest, "agent") {
        Err(EntryError::Corrupt { found }) => assert_eq!(found, Digest::of(b"agent 2")),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.seal("agent", 1), digest);
    bench.store.verified(digest, "agent").expect("whole again");
}

#[test]
fn what_a_crash_left_unfinished_is_skipped_then_sealed_over_then_swept() {
    let bench = Bench::new();
    let digest = Digest::of(b"agent 1");
    let root = bench.folder.path().join("store");
    for name in [
        format!(".tmp-{digest}"),
        format!(".tmp-{}", Digest::of(b"x")),
    ] {
        std::fs::create_dir(root.join(&name)).expect("made");
        std::fs::write(root.join(&name).join("agent"), "age").expect("half");
    }
    assert!(bench.store.list().expect("listed").is_empty());
    assert_eq!(bench.seal("agent", 1), digest);
    let swept = bench.store.sweep(&BTreeSet::new()).expect("swept");
    assert_eq!((swept.leftovers, swept.removed), (1, vec![]));
    assert_eq!(bench.names(), [digest.to_string()]);
}

#[test]
fn a_sweep_removes_what_nothing_names_and_nothing_else() {
    let bench = Bench::new();
    let launchers: Vec<_> = (1..=4)
        .map(|serial| bench.seal("launcher", serial))
        .collect();
    let agents: Vec<_> = (1..=3).map(|serial| bench.seal("agent", serial)).collect();
    std::fs::write(bench.folder.path().join("store/notes"), "mine").expect("written");
    let keep = BTreeSet::from([launchers[0], launchers[3], agents[1]]);
    let swept = bench.store.sweep(&keep).expect("swept");
    assert_eq!(
        BTreeSet::from_iter(swept.removed),
        BTreeSet::from([launchers[1], launchers[2], agents[0]])
    );
    // Nothing names the third agent, but it is the only other one there is.
    assert_eq!(swept.spared, [agents[2]]);
    let left: BTreeSet<_> = bench.store.list().expect("listed").into_keys().collect();
    assert_eq!(
        left,
        BTreeSet::from([launchers[0], launchers[3], agents[1], agents[2]])
    );
    assert!(bench.names().contains(&"notes".to_owned()));
}

#[test]
fn a_corrupt_version_does_not_count_as_one_to_fall_back_to() {
    let bench = Bench::new();
    let versions: Vec<_> = (1..=3).map(|serial| bench.seal("agent", serial)).collect();
    let path = bench.store.verified(versions[1], "agent").expect("whole");
    std::fs::remove_file(&path).expect("removed");
    let keep = BTreeSet::from([versions[1], versions[2]]);
    let swept = bench.store.sweep(&keep).expect("swept");
    assert_eq!(swept.spared, [versions[0]]);
}

#[test]
fn removing_twice_is_fine() {
    let bench = Bench::new();
    let digest = bench.seal("agent", 1);
    bench.store.remove(digest).expect("removed");
    bench.store.remove(digest).expect("nothing to do");
    assert_eq!(bench.names(), [""; 0]);
}

/// Writes down the name of each step, and fails at one of them.
#[derive(Default)]
struct Recorder {
    steps: RefCell<Vec<&'static str>>,
    fails_at: Option<&'static str>,
}

impl Recorder {
    fn at(&self, step: &'static str) -> io::Result<()> {
        self.steps.borrow_mut().push(step);
        if self.fails_at == Some(step) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

macro_rules! recorded {
    ($($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
        impl Fs for Recorder {
            $(fn $name(&self, at: &'static str, $($arg: $type),*) -> io::Result<$result> {
                self.at(at)?;
                OsFs.$name(at, $($arg),*)
            })*
        }
    };
}

recorded! {
    read(path: &Path, most: u64) -> Vec<u8>;
    hash(path: &Path) -> Digest;
    write_in_place(path: &Path, bytes: &[u8]) -> ();
    write_new(path: &Path, bytes: &[u8]) -> ();
    copy(from: &Path, range: Range<u64>, to: &Path) -> Digest;
    sync_file(path: &Path) -> ();
    sync_dir(path: &Path) -> ();
    create_dir(path: &Path) -> ();
    rename(from: &Path, to: &Path) -> ();
    set_executable(path: &Path) -> ();
    alias(target: &str, link: &Path) -> ();
    remove_file(path: &Path) -> ();
    remove_dir(path: &Path) -> ();
    list(path: &Path) -> Vec<OsString>;
    read_range(path: &Path, range: Range<u64>) -> Vec<u8>;
    size(path: &Path) -> u64;
    allocate(path: &Path, size: u64) -> ();
    create_private_dir(path: &Path) -> ();
    room(path: &Path) -> Room;
}

#[test]
fn every_barrier_of_a_seal_comes_before_what_relies_on_it() {
    let bench = Bench::new();
    let recorder = Recorder::default();
    let source = bench.file("agent");
    Store::on(&recorder, bench.folder.path().join("store"))
        .seal(
            Digest::of(b"agent"),
            Source::Copy(&source),
            &meta("agent", 1),
            &["x"],
        )
        .expect("sealed");
    let steps = recorder.steps.into_inner();
    let place = |step| {
        steps
            .iter()
            .position(|found| *found == step)
            .expect("a step of sealing")
    };
    let order = [
        "seal.copy",
        "seal.set-executable",
        "seal.sync-file",
        "seal.write-meta",
        "seal.sync-meta",
        "seal.alias",
        "seal.sync-folder",
        "seal.rename",
        "seal.sync-store",
    ]
    .map(place);
    assert!(order.is_sorted(), "{steps:?}");
}

#[test]
fn a_seal_that_fails_at_any_step_leaves_no_half_version_and_works_when_repeated() {
    let steps = {
        let bench = Bench::new();
        let recorder = Recorder::default();
        seal_on(&bench, &recorder).expect("sealed");
        recorder.steps.into_inner()
    };
    for step in steps {
        let bench = Bench::new();
        let recorder = Recorder {
            fails_at: Some(step),
            ..Recorder::default()
        };
        let sealed = seal_on(&bench, &recorder);
        let digest = Digest::of(b"agent");
        match bench.store.verified(digest, "agent") {
            // Only the last barrier, and a look at what may be in the way, fail without consequence.
            Ok(_) => assert!(["seal.sync-store", "clear.look"].contains(&step), "{step}"),
            Err(EntryError::Missing) => assert!(sealed.is_err(), "{step}"),
            Err(other) => panic!("{step}: {other}"),
        }
        seal_on(&bench, &Recorder::default()).expect("sealed the second time");
        bench.store.verified(digest, "agent").expect("whole");
    }
}

fn seal_on(bench: &Bench, recorder: &Recorder) -> Result<(), SealError> {
    let source = bench.file("agent");
    let store = Store::on(recorder, bench.folder.path().join("store"));
    store.seal(
        Digest::of(b"agent"),
        Source::Copy(&source),
        &meta("agent", 1),
        &["x"],
    )
}
