//! Keys that are not files of the publisher: commands sign, and what they do wrong is said.

#![cfg(unix)]

use std::path::PathBuf;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use server_releases::{KeyAccess, KeyChange};
use shared_release::Keypair;

use crate::Bed;

/// A second person with a key of their own: gets payloads through one pipe, and answers through
/// another.
struct Person {
    key: Keypair,
    hears: PathBuf,
    says: PathBuf,
}

impl Person {
    fn new(bed: &Bed, seed: u8) -> Self {
        let (hears, says) = (bed.path("hears"), bed.path("says"));
        let made = Command::new("mkfifo").args([&hears, &says]).status();
        assert!(made.unwrap().success());
        Self {
            key: Keypair::from_seed([seed; 32]),
            hears,
            says,
        }
    }

    /// The command that asks this person.
    fn command(&self) -> String {
        let (hears, says) = (self.hears.display(), self.says.display());
        format!("test \"$TRIREME_KEY_ROLE\" = release && cat > '{hears}' && cat '{says}'")
    }

    /// Signs the payloads that come, so many times.
    fn signs(self, times: usize) -> JoinHandle<()> {
        std::thread::spawn(move || {
            for _ in 0..times {
                let payload = std::fs::read(&self.hears).unwrap();
                let signed = shared_release::sign(&payload, &[&self.key]);
                let signed: serde_json::Value = serde_json::from_slice(&signed).unwrap();
                let hex = signed["sigs"][0]["sig"].as_str().unwrap();
                std::fs::write(&self.says, format!("{hex}\n")).unwrap();
            }
        })
    }
}

fn two_of_two(person: &Person) -> KeyChange {
    KeyChange {
        new_root_keys: 1,
        new_release_keys: 1,
        release_public: vec![person.key.public()],
        release_threshold: Some(2),
        ..KeyChange::default()
    }
}

#[test]
fn a_release_needs_the_file_and_the_person() {
    let mut bed = Bed::new();
    let person = Person::new(&bed, 7);
    let change = two_of_two(&person);
    bed.access.command = Some(person.command());
    bed.publisher().init_keys(&change).unwrap();
    // The command was written down with the key: from now on it need not be given.
    bed.access.command = None;
    let kid = person.key.kid();
    let signing = person.signs(2);
    bed.publish("1.0.0");
    bed.publish("1.1.0");
    signing.join().unwrap();
    assert_eq!(bed.manifest().release("agent").unwrap().version, "1.1.0");
    let summary = bed.tree.summary().unwrap().unwrap();
    let of_person = summary.keys.iter().find(|key| key.id == kid).unwrap();
    assert!(
        of_person.place.starts_with("command `test"),
        "{of_person:?}"
    );
}

#[test]
fn what_a_key_command_does_wrong_is_said_and_nothing_is_published() {
    let mut bed = Bed::new();
    let person = Person::new(&bed, 7);
    bed.publisher().init_keys(&two_of_two(&person)).unwrap();
    let list = std::fs::read(bed.path("keys/keys.json")).unwrap();
    let (short, long) = (Duration::from_secs(1), Duration::from_mins(5));
    let other = Keypair::from_seed([8; 32]);
    let foreign = format!("echo {}", other.public_hex().repeat(2));
    for (line, part) in [
        (None, "--key-command"),
        (Some("exit 3"), "exit status: 3"),
        (Some("/nowhere/signer"), "exit status: 127"),
        (Some("kill -9 $$"), "signal: 9"),
        (Some("echo no thanks"), "printed \"no thanks\""),
        (Some("cat"), "no signature"),
        (Some("printf %200s x"), "no signature"),
        (Some(foreign.as_str()), "no signature"),
        (Some("true"), "printed \"\""),
        (Some("sleep 1000; echo late"), "took longer than 1 s"),
        (Some("exec >&-; sleep 1000"), "took longer than 1 s"),
    ] {
        // Only the ones that hang are not given all the time that a loaded machine needs.
        let hangs = part.contains("longer");
        bed.access = KeyAccess {
            command: line.map(str::to_owned),
            limit: if hangs { short } else { long },
        };
        let error = bed.publisher().publish(&bed.draft("1.0.0")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("1 of the 2 release signatures"), "{text}");
        assert!(text.contains(part), "{line:?}: {text}");
        assert_eq!(bed.tree.manifest("stable").unwrap(), None);
    }
    assert_eq!(std::fs::read(bed.path("keys/keys.json")).unwrap(), list);
}

#[test]
fn a_slow_command_leaves_no_process_behind() {
    let mut bed = Bed::new();
    let person = Person::new(&bed, 7);
    bed.publisher().init_keys(&two_of_two(&person)).unwrap();
    let note = bed.path("pid");
    bed.access = KeyAccess {
        command: Some(format!("sleep 1000 & echo $! > '{}'; wait", note.display())),
        // A loaded machine needs a part of it to start the command.
        limit: Duration::from_secs(3),
    };
    bed.publisher().publish(&bed.draft("1.0.0")).unwrap_err();
    let pid = std::fs::read_to_string(note).unwrap();
    // A killed process is gone a moment later.
    let is_gone = || {
        let asked = Command::new("kill").args(["-0", pid.trim()]).output();
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        !asked.unwrap().status.success() || state.is_ok_and(|text| text.contains(") Z "))
    };
    let mut left = 30_000;
    while !is_gone() {
        left -= 1;
        assert!(left > 0, "{pid} still runs");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn any_two_of_three_keys_are_enough() {
    let bed = Bed::new();
    let change = KeyChange {
        new_release_keys: 3,
        release_threshold: Some(2),
        ..KeyChange::default()
    };
    bed.publisher().init_keys(&change).unwrap();
    let keys: Vec<PathBuf> = std::fs::read_dir(bed.path("keys"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("release-"))
        .collect();
    assert_eq!(keys.len(), 3);
    for key in &keys {
        let away = bed.path("away");
        std::fs::rename(key, &away).unwrap();
        bed.publish("1.0.0");
        std::fs::rename(&away, key).unwrap();
    }
    std::fs::remove_file(&keys[0]).unwrap();
    std::fs::remove_file(&keys[1]).unwrap();
    let error = bed.publisher().publish(&bed.draft("1.1.0")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("1 of the 2"), "{text}");
    assert!(text.contains(keys[0].to_str().unwrap()), "{text}");
}

#[test]
fn a_key_that_is_named_twice_counts_once() {
    let bed = Bed::new();
    let public = Keypair::from_seed([7; 32]).public();
    let change = KeyChange {
        release_public: vec![public, public],
        release_threshold: Some(2),
        ..KeyChange::default()
    };
    let text = bed.publisher().init_keys(&change).unwrap_err().to_string();
    assert!(text.contains("2 of 1 keys"), "{text}");
}

#[test]
fn keys_are_made_once_and_a_list_that_cannot_be_read_is_named() {
    let bed = Bed::new();
    bed.publisher().init_keys(&KeyChange::default()).unwrap();
    let again = bed.publisher().init_keys(&KeyChange::default());
    let text = again.unwrap_err().to_string();
    assert!(text.contains("rotate"), "{text}");
    let key = Keypair::from_seed([1; 32]).public_hex();
    for (list, part) in [
        ("{", "EOF"),
        (r#"{"keys":[{"role":"root"}]}"#, "public"),
        (r#"{"keys":[{"role":"boss","public":"KEY"}]}"#, "boss"),
        (
            r#"{"keys":[{"role":"root","public":"00"}]}"#,
            "64 lower-case",
        ),
        (
            r#"{"keys":[{"role":"root","public":"KEY","comand":"x"}]}"#,
            "comand",
        ),
        (
            r#"{"keys":[{"role":"root","public":"KEY","command":"x","file":"y"}]}"#,
            "both",
        ),
    ] {
        bed.file("keys/keys.json", list.replace("KEY", &key));
        let error = bed.publisher().publish(&bed.draft("1.0.0")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("keys.json") && text.contains(part), "{text}");
    }
}

#[test]
fn a_key_file_that_holds_another_key_signs_nothing() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    bed.file("keys/release.key", Keypair::from_seed([9; 32]).to_text());
    let error = bed.publisher().publish(&bed.draft("1.1.0")).unwrap_err();
    assert!(error.to_string().contains("another key"), "{error}");
    assert_eq!(bed.manifest().serial, 1);
}
