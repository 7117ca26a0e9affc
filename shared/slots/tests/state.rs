//! Records, the reserve, and plugins: state beside the pages, on a real disk.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use shared_slots::{Digest, Meta, RESERVE_BYTES, Records, Reserve, Source, Store};

#[test]
fn a_record_is_replaced_as_a_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let records = Records::new(folder.path(), folder.path().join("quarantine"));
    let path = folder.path().join("trust/1.root.json");
    assert!(records.replace(&path, b"one").is_err(), "no folder yet");
    records.folder(&folder.path().join("trust")).expect("made");
    records.replace(&path, b"one").expect("written");
    // What a crash left unfinished is in nobody's way.
    std::fs::write(path.with_extension("json.tmp"), "half").expect("written");
    records.replace(&path, b"two").expect("written");
    assert_eq!(std::fs::read(&path).expect("readable"), b"two");
    assert_eq!(names(&folder.path().join("trust")), ["1.root.json"]);
}

#[test]
fn what_is_put_aside_can_be_looked_at_and_never_piles_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let quarantine = folder.path().join("quarantine");
    let records = Records::new(folder.path(), quarantine.clone());
    let put_aside = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        let aside = records.put_aside(&path).expect("put aside");
        assert!(!path.exists());
        assert_eq!(std::fs::read_to_string(aside).expect("readable"), content);
    };
    for content in ["1", "2", "3", "4", "5"] {
        put_aside("record", content);
    }
    let kept = ["record", "record.1", "record.2"];
    assert_eq!(names(&quarantine), kept);
    let contents = kept.map(|name| std::fs::read_to_string(quarantine.join(name)).expect("kept"));
    assert_eq!(contents, ["5", "4", "3"]);
    for number in 0..100 {
        put_aside(&format!("job-{number}"), "");
    }
    assert!(names(&quarantine).len() <= 32, "{:?}", names(&quarantine));
}

#[test]
fn a_full_disk_costs_the_reserve_and_not_the_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let reserve = Reserve::new(folder.path());
    let full = || Err::<(), _>(io::Error::from(io::ErrorKind::StorageFull));
    assert!(reserve.retried(full).is_err(), "nothing to give up");
    assert!(reserve.ensure().expect("laid down"));
    let path = folder.path().join("reserve");
    assert_eq!(path.metadata().expect("there").len(), RESERVE_BYTES);
    // Any other trouble is not mended by room.
    let broken = || Err::<(), _>(io::Error::other("broken"));
    assert!(reserve.retried(broken).is_err());
    assert!(path.exists());
    let mut tries = 0;
    let written = reserve.retried(|| {
        tries += 1;
        if path.exists() { full() } else { Ok(()) }
    });
    assert_eq!((written.is_ok(), tries), (true, 2));
    std::fs::write(&path, "half").expect("written");
    assert!(reserve.ensure().expect("laid down again"));
    assert_eq!(path.metadata().expect("there").len(), RESERVE_BYTES);
}

#[test]
fn plugins_stay_as_long_as_an_agent_that_names_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path().join("store"));
    store.create().expect("created");
    let seal = |component: &str, serial: u64, plugins: Option<Digest>| {
        let path = folder.path().join("source");
        let content = format!("{component} {serial}");
        std::fs::write(&path, &content).expect("written");
        let digest = Digest::of(content.as_bytes());
        let meta = Meta {
            component: component.into(),
            serial,
            plugins,
            ..Meta::default()
        };
        let sealed = store.seal(digest, Source::Copy(&path), &meta, &[]);
        sealed.expect("sealed");
        digest
    };
    let plugins: Vec<_> = (1..=4)
        .map(|serial| seal("plugins", serial, None))
        .collect();
    let agents: Vec<_> = (1..=3)
        .zip(&plugins)
        .map(|(serial, plugins)| seal("agent", serial, Some(*plugins)))
        .collect();
    let swept = store.sweep(&BTreeSet::from([agents[2]])).expect("swept");
    // The second agent is spared, for one alone would be too few; its plugins are with it.
    assert_eq!(swept.spared, [agents[1]]);
    assert_eq!(
        BTreeSet::from_iter(swept.removed),
        BTreeSet::from([agents[0], plugins[0], plugins[3]])
    );
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("readable");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("text"))
        .collect();
    names.sort();
    names
}

#[cfg(unix)]
#[test]
fn a_fifo_in_the_place_of_a_file_holds_nobody_up() {
    use shared_slots::{Fs as _, OsFs};

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("agent-7");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("mkfifo is there").success());
    assert_eq!(OsFs.read("test.fifo", &path, 100).expect("readable"), b"");
}
