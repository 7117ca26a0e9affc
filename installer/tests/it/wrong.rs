//! Wrong input and broken surroundings: clear text, and an exit code that says which.

use std::fs;
use std::os::unix::net::UnixListener;

use shared_handover::layout::Component;

use crate::bed::{Bed, ran, trireme};

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let bed = Bed::installed();
    for (args, needle) in [
        (&["update", "rollback", "tail"][..], "launcher or agent"),
        (&["update", "rollback"], "<COMPONENT>"),
        (
            &["update", "pin", "agent="],
            "the version behind = is missing",
        ),
        (
            &["update", "pin", "agent=1", "--until", "yesterday"],
            "2026-12-01",
        ),
        (&["update", "hold", "--until", "2020-01-01"], "has passed"),
        (
            &["update", "hold", "--end", "--reason", "x"],
            "cannot be used with",
        ),
        (&["update", "sing"], "unrecognized subcommand"),
        (&["--timeout", "0", "status"], "0.05 to 86400"),
    ] {
        let ran = bed.run(args);
        assert_eq!(ran.code, 64, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(needle), "{args:?}: {}", ran.err);
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for (arg, needle) in [("--help", "Usage: trireme"), ("--version", "trireme ")] {
        let ran = ran(&trireme().arg(arg).output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        assert!(ran.out.contains(needle), "{}", ran.out);
    }
}

#[test]
fn a_folder_that_is_no_state_folder_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes"), "mine").unwrap();
    for args in [
        &["update", "hold"][..],
        &["status"],
        &["doctor"],
        &["update", "gc"],
    ] {
        let mut command = trireme();
        command.env("TRIREME_STATE_DIR", folder.path()).args(args);
        let ran = ran(&command.output().unwrap());
        assert_eq!(ran.code, 73, "{}", ran.err);
        assert!(
            ran.err.contains("is not a state folder of Trireme"),
            "{}",
            ran.err
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let ran = ran(&trireme()
        .args(["--state-dir", "/nowhere/at/all", "status"])
        .output()
        .unwrap());
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("cannot read /nowhere/at/all: "),
        "{}",
        ran.err
    );
}

#[test]
fn a_launcher_that_hangs_is_given_up() {
    let bed = Bed::installed();
    let _silent = UnixListener::bind(bed.state.launcher_socket()).unwrap();
    let ran = bed.run(&["--timeout", "0.1", "update", "check"]);
    assert_eq!(ran.code, 69);
    let told = "trireme: the launcher does not answer: it said nothing for 0.1 s; look into logs/launcher.log\n";
    assert_eq!(ran.err, told);
    let ran = bed.run(&["--timeout", "0.1", "status"]);
    assert_eq!(ran.code, 69);
    assert!(
        ran.out.contains("serial 2"),
        "the files still speak: {}",
        ran.out
    );
}

#[test]
fn a_launcher_that_takes_no_clients_is_given_up() {
    use rustix::net;
    let bed = Bed::installed();
    let address = net::SocketAddrUnix::new(bed.state.launcher_socket()).unwrap();
    let socket = || net::socket(net::AddressFamily::UNIX, net::SocketType::STREAM, None).unwrap();
    let listener = socket();
    net::bind(&listener, &address).unwrap();
    net::listen(&listener, 1).unwrap();
    // A place in the queue stays taken when its client has gone.
    let connects = |_: &usize| {
        let client = socket();
        rustix::io::ioctl_fionbio(&client, true).unwrap();
        net::connect(&client, &address).is_ok()
    };
    let waiting = (0..100).take_while(connects).count();
    assert!((1..100).contains(&waiting), "the queue is full");
    let ran = bed.run(&["--timeout", "0.1", "update", "check"]);
    assert_eq!(ran.code, 69, "{}", ran.err);
    assert!(ran.err.contains("said nothing for 0.1 s"), "{}", ran.err);
}

#[test]
fn a_launcher_that_talks_nonsense_is_told_from_one_that_answers() {
    use std::io::Write as _;
    let bed = Bed::installed();
    let listener = UnixListener::bind(bed.state.launcher_socket()).unwrap();
    let server = std::thread::spawn(move || {
        for text in [
            "pardon?\n",
            "{\"reply\":\"progress\",\"phase\":\"idle\"}\n",
            "",
        ] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = std::io::Read::read(&mut stream, &mut request).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
        }
    });
    for needle in ["it is not a message", "it hung up", "it hung up"] {
        let ran = bed.run(&["update", "check"]);
        assert_eq!(ran.code, 69);
        assert!(ran.err.contains(needle), "{needle}: {}", ran.err);
    }
    server.join().unwrap();
}

#[test]
fn pages_that_cannot_be_read_are_no_empty_pages() {
    let bed = Bed::installed();
    for page in bed.state.pages(Component::Agent) {
        fs::write(page, [7; 512]).unwrap();
    }
    for args in [
        &["update", "rollback", "agent"][..],
        &["update", "retry"],
        &["update", "gc", "--dry-run"],
    ] {
        let ran = bed.run(args);
        assert_eq!(ran.code, 65, "{args:?}: {}", ran.err);
        assert!(
            ran.err
                .contains("neither page of the agent's slot can be read"),
            "{}",
            ran.err
        );
    }
    assert_eq!(
        bed.run(&["status"]).code,
        69,
        "a status is given all the same"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let bed = Bed::installed();
    let mut child = trireme()
        .arg("--state-dir")
        .arg(bed.state.root())
        .args(["update", "verify"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
