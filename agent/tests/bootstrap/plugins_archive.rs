//! Plugins that are zip archives.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;

use rustix::process::Signal;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::world::World;

const HOOK: &str = "echo \"winch $BUILDKITE_PLUGIN_NAME\"\n";

/// A world whose agent takes archives.
fn world() -> World {
    let mut world = World::with_plugins("");
    world.set("BUILDKITE_AGENT_EXPERIMENT", "zip-plugins");
    world
}

/// An archive with these files; answers its path.
fn archive(world: &World, files: &[(&str, &str)]) -> String {
    let path = world.path("w.zip");
    let mut zip = ZipWriter::new(File::create(&path).expect("file"));
    for (name, text) in files {
        let options = SimpleFileOptions::default();
        match name.strip_suffix('@') {
            Some(name) => zip.add_symlink(name, *text, options).expect("link"),
            None => {
                zip.start_file(*name, options).expect("entry");
                zip.write_all(text.as_bytes()).expect("content");
            }
        }
    }
    zip.finish().expect("archive");
    path.to_str().expect("text").to_owned()
}

/// Files of an archive, what follows its path in the reference, and what the log says.
type Unusable = (
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

fn set(world: &mut World, reference: &str) {
    world.set("BUILDKITE_PLUGINS", &format!("[\"{reference}\"]"));
}

/// Serves these answers one after the other, each with its status; answers the address and what was
/// asked for.
fn serve(answers: Vec<(&'static str, Vec<u8>)>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let address = listener.local_addr().expect("address").to_string();
    let server = thread::spawn(move || {
        let answer = |(status, body): (&str, Vec<u8>)| {
            let (mut stream, _) = listener.accept().expect("connection");
            let mut request = String::new();
            let mut reader = BufReader::new(stream.try_clone().expect("stream"));
            while !request.ends_with("\r\n\r\n") {
                assert_ne!(reader.read_line(&mut request).expect("line"), 0);
            }
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).expect("head");
            stream.write_all(&body).expect("body");
            request
        };
        answers.into_iter().map(answer).collect()
    });
    (address, server)
}

fn sha256(path: &str) -> String {
    let output = std::process::Command::new("sha256sum")
        .arg(path)
        .output()
        .expect("sha256sum");
    String::from_utf8(output.stdout).expect("text")[..64].to_owned()
}

#[test]
fn an_archive_is_a_plugin_for_the_time_of_one_job() {
    let mut world = world();
    let hooks = [
        ("hooks/environment", HOOK),
        ("hooks/pre-exit", "echo last\n"),
    ];
    let path = archive(&world, &hooks);
    set(&mut world, &format!("zip+file://{path}"));
    for _ in 0..2 {
        let ended = world.run();
        assert_eq!(ended.code(), 0, "{}", ended.log);
        assert!(
            ended.log.contains("winch W_ZIP\n") && ended.log.contains("last\n"),
            "{}",
            ended.log
        );
        assert!(world.kept().is_empty() && world.strays().is_empty());
    }
    assert!(world.calls().is_empty());
}

#[test]
fn an_archive_of_a_canceled_job_goes_too() {
    let mut world = world();
    let path = archive(&world, &[("hooks/environment", HOOK)]);
    set(&mut world, &format!("zip+file://{path}"));
    world.set("BUILDKITE_COMMAND", "echo running; sleep 300");
    let mut started = world.start();
    started.wait_for("\nrunning\n");
    assert_eq!(world.kept().len(), 1);
    started.signal(Signal::TERM);
    assert_eq!(started.end().signal(), Signal::TERM.as_raw());
    assert!(world.kept().is_empty() && world.strays().is_empty());
}

#[test]
fn an_archive_is_downloaded_once_more_after_a_failure_with_its_password_but_not_in_the_log() {
    let mut world = world();
    let path = archive(&world, &[("hooks/environment", HOOK)]);
    let mut bytes = Vec::new();
    File::open(&path)
        .expect("file")
        .read_to_end(&mut bytes)
        .expect("read");
    let (address, server) = serve(vec![("503 Later", Vec::new()), ("200 OK", bytes)]);
    let digest = sha256(&path).to_uppercase();
    set(
        &mut world,
        &format!("zip+http://me:hard-to-guess@{address}/w.zip#sha256:{digest}"),
    );
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(
        ended.log.contains("winch W_ZIP\n") && ended.log.contains("try 1 of 3"),
        "{}",
        ended.log
    );
    assert!(!ended.log.contains("hard-to-guess"), "{}", ended.log);
    let requests = server.join().expect("server");
    let basic = "authorization: Basic bWU6aGFyZC10by1ndWVzcw==";
    assert!(
        requests.iter().all(|request| request.contains(basic)),
        "{requests:?}"
    );
    assert!(world.kept().is_empty() && world.strays().is_empty());
}

#[test]
fn an_archive_that_cannot_be_used_leaves_nothing() {
    let cases: [Unusable; 6] = [
        (
            &[("hooks/environment", HOOK)],
            "#sha256:00",
            "the step wants 00",
        ),
        (
            &[("../../../hacked", "x")],
            "",
            "would not lie in its folder",
        ),
        (
            &[("hooks@", "/etc")],
            "",
            "neither a plain file nor a folder",
        ),
        (&[("README", "x")], "", "keeps its hooks there"),
        (&[], ".none", "failed to open"),
        (&[], "/..", "is no file"),
    ];
    for (files, suffix, reason) in cases {
        let mut world = world();
        let path = archive(&world, files);
        set(
            &mut world,
            &format!("zip+file://{path}{suffix}").replace("/w.zip/..", "/builds"),
        );
        let ended = world.run();
        assert_eq!(ended.code(), 1, "{}", ended.log);
        assert!(ended.log.contains(reason), "{reason}: {}", ended.log);
        assert!(world.kept().is_empty() && world.strays().is_empty());
        assert!(!world.path("hacked").exists() && !world.path("plugins/hacked").exists());
    }
    let mut world = world();
    fs::write(world.path("w.zip"), "no archive").expect("file");
    let path = world.path("w.zip").to_str().expect("text").to_owned();
    set(&mut world, &format!("zip+file://{path}"));
    let ended = world.run();
    assert!(
        ended.code() == 1 && ended.log.contains("it is no zip archive"),
        "{}",
        ended.log
    );
}

#[test]
fn archives_are_an_experiment() {
    let mut world = world();
    let path = archive(&world, &[("hooks/environment", HOOK)]);
    world.env.remove("BUILDKITE_AGENT_EXPERIMENT");
    set(&mut world, &format!("zip+file://{path}"));
    let ended = world.run();
    assert!(
        ended.code() == 1 && ended.log.contains("zip-plugins"),
        "{}",
        ended.log
    );
}
