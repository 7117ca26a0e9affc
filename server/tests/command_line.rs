//! The program itself: started, asked, stopped.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use tempfile::TempDir;

/// A running server; killed when dropped.
struct Running {
    child: Child,
    url: String,
    data: PathBuf,
}

impl Running {
    /// Starts a server on a free port and waits until it says where it listens.
    fn start(data: &Path) -> Self {
        let mut child = program()
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = String::new();
        let url = lines
            .map_while(Result::ok)
            .inspect(|line| seen.push_str(line))
            .find_map(|line| Some(line.split_once("listening on ")?.1.to_owned()));
        let url = url.unwrap_or_else(|| panic!("the server never listened: {seen}"));
        Self {
            child,
            url,
            data: data.to_owned(),
        }
    }

    fn run(&self, args: &[&str]) -> Output {
        run(args, &self.data)
    }

    /// A request by hand; the connection stays open for what follows.
    fn get(&self, path: &str, header: &str) -> BufReader<TcpStream> {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\n{header}\r\n\r\n"
        )
        .unwrap();
        BufReader::new(stream)
    }

    /// SIGTERM, as a service manager would send it.
    fn stop(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trireme-server"));
    command.stdin(Stdio::null());
    command
}

fn run(args: &[&str], data: &Path) -> Output {
    program()
        .args(args)
        .arg("--data-dir")
        .arg(data)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn data() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    (folder, data)
}

#[test]
fn a_token_made_beside_the_server_works_at_once() {
    let (_folder, data) = data();
    let server = Running::start(&data);
    let made = server.run(&[
        "token",
        "create",
        "--kind",
        "api",
        "--description",
        "laptop",
    ]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let token = text(&made.stdout);
    let header = format!("Authorization: Bearer {}", token.trim());
    let mut status = String::new();
    server
        .get("/v2/organizations/trireme/agents", &header)
        .read_line(&mut status)
        .unwrap();
    assert_eq!(status.trim(), "HTTP/1.1 200 OK");
    let list = text(&server.run(&["token", "list"]).stdout);
    assert!(
        list.contains("api") && list.contains("laptop") && !list.contains(token.trim()),
        "{list}"
    );
}

#[test]
fn the_address_file_is_there_while_the_server_is() {
    let (_folder, data) = data();
    let mut server = Running::start(&data);
    let file = data.join("server.addr");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        format!("{}\n", server.url)
    );
    assert!(server.stop().success());
    assert!(!file.exists());
}

#[test]
fn an_open_stream_does_not_hold_up_the_stop() {
    let (_folder, data) = data();
    let mut server = Running::start(&data);
    let token = text(&server.run(&["token", "create", "--kind", "api"]).stdout);
    let cookie = format!("Cookie: trireme_token={}", token.trim());
    let mut stream = server.get("/events", &cookie);
    let mut status = String::new();
    stream.read_line(&mut status).unwrap();
    assert_eq!(status.trim(), "HTTP/1.1 200 OK");
    assert!(server.stop().success());
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(
        text(&rest).ends_with("0\r\n\r\n"),
        "the stream was ended, not cut"
    );
}

#[test]
fn a_second_server_on_the_folder_is_told_who_has_it() {
    let (_folder, data) = data();
    let server = Running::start(&data);
    let second = server.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = text(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("process {}", server.child.id())),
        "{said}"
    );
}

#[test]
fn a_taken_port_is_named_with_the_way_out() {
    let (_folder, data) = data();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["serve", "--listen", &address], &data);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&address) && said.contains("--listen"),
        "{said}"
    );
}

#[test]
fn wrong_turns_end_with_a_line_that_says_what_was_wrong() {
    let (folder, data) = data();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let file = file.to_str().unwrap();
    let publish = |agent| {
        vec![
            "release",
            "publish",
            "--version",
            "1",
            "--launcher",
            file,
            "--agent",
            agent,
        ]
    };
    for (args, code, part) in [
        (vec!["serve", "--frobnicate"], 64, "--frobnicate"),
        (vec!["token", "create", "--kind", "owner"], 64, "agent, api"),
        (vec!["serve", "--log-level", "loud"], 1, "loud"),
        (publish("/nowhere/agent"), 1, "cannot read /nowhere/agent"),
        (
            [publish(file), vec!["--target", "linux"]].concat(),
            64,
            "linux-x86_64",
        ),
        (
            [publish(file), vec!["--channel", "../x"]].concat(),
            1,
            "channel",
        ),
    ] {
        let output = run(&args, &data);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    }
    let output = run(&["serve"], &Path::new(file).join("data"));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("file/data") && said.matches("os error").count() == 1,
        "{said}"
    );
}

#[test]
fn publishing_says_what_was_published_and_where_the_trust_root_is() {
    let (folder, data) = data();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (launcher, agent) = (file("launcher", "l"), file("agent", "abc"));
    let args = [
        "release",
        "publish",
        "--version",
        "1.2.3",
        "--launcher",
        &launcher,
        "--agent",
        &agent,
    ];
    let output = run(&args, &data);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let root = data.join("releases/root.json");
    assert!(root.is_file());
    for part in [
        "published 1.2.3 to stable as serial 1",
        // The sha256 of "abc", from FIPS 180-4.
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        root.to_str().unwrap(),
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(text(&run(&args, &data).stdout).contains("as serial 2"));
}
