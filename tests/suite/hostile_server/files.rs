//! Files that come wrongly, deltas that are poison, and a file that is right and cannot run.

use std::env::consts::{ARCH, OS};

use futures_util::future::join_all;
use shared_delta::{Algorithm, create, encode_zstd};
use shared_release::{Delta, Encoded, Target};
use shared_slots::Digest;
use tests::lying_server::Answer;
use tests::release_tree::blob_path;

use super::{LENGTH, Stage};

/// How a file of the server is sent, and what comes of it.
struct Lie {
    name: &'static str,
    send: fn(&[u8], &str) -> Vec<Answer>,
    comes: Comes,
}

enum Comes {
    /// It is not taken while the lie lasts, and a line says so with these words.
    Refused(&'static str),
    /// It is taken all the same; so many questions at least were needed.
    Taken(usize),
}

use Comes::{Refused, Taken};

const LIES: &[Lie] = &[
    Lie {
        name: "cut short of its length",
        send: |file, _| vec![half(file, ""), Answer::Reset(Vec::new())],
        comes: Refused("the connection broke after"),
    },
    Lie {
        name: "cut, and called whole",
        send: |file, _| vec![Answer::reply("200 OK", "", &file[..file.len() / 2])],
        comes: Refused("it is truncated"),
    },
    Lie {
        name: "too long",
        send: |file, _| vec![Answer::reply("200 OK", "", &[file, b"more"].concat())],
        comes: Refused("it is longer than"),
    },
    Lie {
        name: "without an end",
        send: |file, _| vec![Answer::Endless([b"HTTP/1.1 200 OK\r\n\r\n", file].concat())],
        comes: Refused("it is longer than"),
    },
    Lie {
        name: "other bytes of the same length",
        send: |file, _| {
            let other: Vec<u8> = file.iter().map(|byte| byte ^ 1).collect();
            vec![Answer::reply("200 OK", "", &other)]
        },
        comes: Refused("its sha256 is"),
    },
    Lie {
        name: "the range is ignored",
        send: |file, _| vec![half(file, ""), Answer::Whole],
        comes: Taken(2),
    },
    Lie {
        name: "a range that nobody asked for",
        send: |file, _| vec![half(file, ""), rest(file, 7, "")],
        comes: Refused("when asked for those from"),
    },
    Lie {
        name: "the file changes while it is resumed",
        send: |file, _| {
            let other: Vec<u8> = file.iter().map(|byte| byte ^ 1).collect();
            vec![
                half(&other, "etag: \"one\"\r\n"),
                rest(file, file.len() / 2, "etag: \"two\"\r\n"),
                Answer::Honest,
            ]
        },
        comes: Taken(3),
    },
    Lie {
        name: "the file changes unnoticed while it is resumed",
        send: |file, _| {
            let other: Vec<u8> = file.iter().map(|byte| byte ^ 1).collect();
            vec![
                half(&other, ""),
                rest(file, file.len() / 2, ""),
                Answer::Honest,
            ]
        },
        comes: Taken(3),
    },
    Lie {
        name: "reset at once",
        send: |_, _| vec![Answer::Reset(Vec::new())],
        comes: Refused("cannot reach"),
    },
    Lie {
        name: "redirects in a circle",
        send: |_, path| {
            let header = format!("location: {path}\r\n");
            vec![Answer::reply("302 Found", &header, b"")]
        },
        comes: Refused("too many redirects"),
    },
    Lie {
        name: "an encoding that nobody asked for",
        send: |file, _| vec![Answer::reply("200 OK", "content-encoding: gzip\r\n", file)],
        comes: Refused("the encoding gzip, which was not asked for"),
    },
    Lie {
        name: "a captive portal",
        send: |_, _| {
            let page = b"<html>Please accept our terms</html>";
            vec![Answer::reply("200 OK", "content-type: text/html\r\n", page)]
        },
        comes: Refused("answered with a web page"),
    },
    Lie {
        name: "too busy for a second",
        send: |_, _| vec![Answer::reply("503 Busy", "retry-after: 1\r\n", b"")],
        comes: Refused("answered 503"),
    },
];

/// The first half of a file whose length is announced.
fn half(file: &[u8], headers: &str) -> Answer {
    let half = &file[..file.len() / 2];
    Answer::Bytes(Answer::raw("200 OK", headers, file.len() as u64, half))
}

/// A partial answer that begins at `from`, whatever was asked for.
fn rest(file: &[u8], from: usize, headers: &str) -> Answer {
    let total = file.len();
    let range = format!("content-range: bytes {from}-{}/{total}\r\n", total - 1);
    Answer::reply("206 Partial Content", &(range + headers), &file[from..])
}

/// Releases an agent per lie; each is taken in the end.
async fn tells(stage: &mut Stage, lies: &[Lie]) {
    for lie in lies {
        let (version, agent) = stage.next_agent();
        let file = std::fs::read(&agent).unwrap();
        let digest = stage.tree.add(&version, &agent);
        let start = stage.host.log_end("launcher");
        stage.tree.issue();
        let path = blob_path(digest);
        stage.tree.server.lie(&path, (lie.send)(&file, &path));
        match lie.comes {
            Refused(said) => {
                let what = format!("agent {version} not installed");
                let words = ["WARN", &what, said];
                stage.host.log_line_after(start, "launcher", &words).await;
                stage.is_untouched(lie.name, &version, digest);
                stage.tree.server.be_honest();
                stage.takes(&version, digest).await;
            }
            Taken(questions) => {
                stage.takes(&version, digest).await;
                let asked = stage.tree.server.asked(&path).len();
                assert!(asked >= questions, "{}: {asked} questions", lie.name);
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_comes_wrongly_is_not_run_and_is_taken_when_it_comes_rightly() {
    let several_hosts = LIES.chunks(LIES.len() / 3 + 1).map(|lies| async {
        let mut stage = Stage::new().await;
        tells(&mut stage, lies).await;
        stage.works("at-the-end").await;
    });
    join_all(several_hosts).await;
}

/// A patch for a new agent that makes something else of the committed one, or nothing.
struct Poison {
    name: &'static str,
    make: fn(old: &[u8], new: &[u8]) -> Vec<u8>,
    algorithm: Algorithm,
}

const POISONS: &[Poison] = &[
    Poison {
        name: "expands without bounds",
        make: |old, _| create(Algorithm::Zstd, old, &vec![0; 64 << 20]).unwrap(),
        algorithm: Algorithm::Zstd,
    },
    Poison {
        name: "expands more slowly",
        make: |old, new| create(Algorithm::Bsdiff4, old, &[new, new].concat()).unwrap(),
        algorithm: Algorithm::Bsdiff4,
    },
    Poison {
        name: "was made from another old file",
        make: |_, new| {
            let other = [b"almost the new one", new].concat();
            create(Algorithm::Zstd, &other, new).unwrap()
        },
        algorithm: Algorithm::Zstd,
    },
    Poison {
        name: "makes another file of the same length",
        make: |old, new| {
            let other: Vec<u8> = new.iter().map(|byte| byte ^ 1).collect();
            create(Algorithm::Bsdiff4, old, &other).unwrap()
        },
        algorithm: Algorithm::Bsdiff4,
    },
    Poison {
        name: "is no patch at all",
        make: |_, _| b"BSDIFF40 and then nothing of use".to_vec(),
        algorithm: Algorithm::Bsdiff4,
    },
];

#[tokio::test]
async fn a_delta_that_is_poison_costs_its_bytes_and_nothing_else() {
    let mut stage = Stage::new().await;
    for poison in POISONS {
        let (version, agent) = stage.next_agent();
        let new = std::fs::read(&agent).unwrap();
        let digest = stage.tree.lay(new.clone());
        let mut target = Target::plain(OS, ARCH, digest, new.len() as u64);
        let old = stage.host.state().store().join(stage.committed.to_string());
        let old = std::fs::read(old.join("agent")).unwrap();
        let patch = (poison.make)(&old, &new);
        // One that is no smaller than the file is left alone anyway.
        let size = (patch.len() as u64).min(new.len() as u64 - 1);
        let patch = patch[..usize::try_from(size).unwrap()].to_vec();
        let patch_digest = stage.tree.lay(patch);
        target.deltas.push(Delta {
            from: stage.committed,
            algo: poison.algorithm.name().to_owned(),
            url: vec![format!("blobs/{patch_digest}")],
            size,
            sha256: patch_digest,
        });
        stage.tree.list(&version, target);
        stage.tree.issue();
        stage.takes(&version, digest).await;
        let asked = stage.tree.server.asked(&blob_path(patch_digest)).len();
        assert_eq!(asked, 1, "{}: the delta was fetched once", poison.name);
        let version = format!("version={version}");
        let words = ["downloaded", &version, "way=full"];
        stage.host.log_line("launcher", &words).await;
    }
    stage.works("at-the-end").await;
}

#[tokio::test]
async fn a_compressed_file_of_something_else_falls_to_the_plain_one() {
    let mut stage = Stage::new().await;
    for bomb in [false, true] {
        let (version, agent) = stage.next_agent();
        let new = std::fs::read(&agent).unwrap();
        let digest = stage.tree.lay(new.clone());
        let mut target = Target::plain(OS, ARCH, digest, new.len() as u64);
        let other = if bomb {
            vec![0; 64 << 20]
        } else {
            vec![b'#'; LENGTH]
        };
        let encoded = encode_zstd(&other).unwrap();
        let size = encoded.len() as u64;
        let sha256 = stage.tree.lay(encoded);
        target.encoded.push(Encoded {
            enc: "zstd".to_owned(),
            url: vec![format!("blobs/{sha256}")],
            size,
            sha256,
        });
        stage.tree.list(&version, target);
        stage.tree.issue();
        stage.takes(&version, digest).await;
        assert_eq!(stage.tree.server.asked(&blob_path(sha256)).len(), 1);
    }
    stage.works("at-the-end").await;
}

/// The head of a program for another machine, as far as the kernel looks.
fn for_another_machine() -> Vec<u8> {
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(16, 0);
    // An executable for s390: nobody runs these tests there.
    elf.extend([2, 0, 22, 0, 1, 0, 0, 0]);
    elf.resize(4096, 0);
    elf
}

#[tokio::test]
async fn a_file_for_another_machine_is_rejected_and_the_next_release_is_taken() {
    let mut stage = Stage::new().await;
    let running = stage.host.agent_pid().await;
    let wrong = [
        ("for-another-machine", for_another_machine()),
        ("no-program", b"just a text\n".to_vec()),
    ];
    for (version, bytes) in wrong {
        let digest = stage.tree.lay(bytes.clone());
        let target = Target::plain(OS, ARCH, digest, bytes.len() as u64);
        stage.tree.list(version, target);
        stage.tree.issue();
        let said = ["WARN", "agent rejected", &format!("version={version}")];
        stage.host.log_line("launcher", &said).await;
        assert!(!stage.bed.has_run(version));
        stage.works(version).await;
        assert_eq!(stage.host.agent_pid().await, running, "it was left alone");
    }
    stage.takes_the_next_release().await;
}

#[tokio::test]
async fn a_file_that_was_taken_back_is_not_fetched() {
    let mut stage = Stage::new().await;
    let (version, agent) = stage.next_agent();
    let digest: Digest = stage.tree.add(&version, &agent);
    let mut draft = stage.tree.draft();
    draft.revoked.push(digest);
    let serial = format!("serial={}", stage.tree.publish(&draft));
    let words = ["new manifest verified", &serial];
    stage.host.log_line("launcher", &words).await;
    // Long enough for a download to have begun.
    stage.works("meanwhile").await;
    stage.is_untouched("revoked", &version, digest);
    assert_eq!(stage.tree.server.asked(&blob_path(digest)).len(), 0);
    stage.takes_the_next_release().await;
}
