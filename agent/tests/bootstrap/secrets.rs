//! Secrets of a step: how many are fetched at a time, and what one that cannot be had means.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use crate::world::{LONG, World};

/// Most requests that a job may have open.
const AT_ONCE: usize = 10;

/// An endpoint with secrets by key; every other key is unknown to it. Its answers wait until
/// enough requests are open, as far as there are any to come.
struct Vault {
    port: u16,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    /// Requests that came, and how often.
    asked: BTreeMap<String, usize>,
    open: usize,
    most_open: usize,
    /// Answers wait for this many requests.
    patience: usize,
    /// Keys whose first request is answered with 503.
    shaky: Vec<&'static str>,
}

impl Vault {
    fn open(patience: usize, shaky: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = listener.local_addr().expect("address").port();
        let state = State {
            patience,
            shaky: shaky.to_vec(),
            ..State::default()
        };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || while serve(&stream, &shared).is_some() {});
            }
        });
        Self { port, state }
    }

    fn asked(&self) -> BTreeMap<String, usize> {
        self.state.0.lock().expect("state").asked.clone()
    }

    fn most_open(&self) -> usize {
        self.state.0.lock().expect("state").most_open
    }
}

/// Answers one request; nothing once the connection is closed.
fn serve(mut stream: &TcpStream, shared: &(Mutex<State>, Condvar)) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    while lines.next()?.ok().is_some_and(|line| !line.is_empty()) {}
    let key = first.split("key=").nth(1)?.split(' ').next()?.to_owned();
    let (lock, news) = shared;
    let mut state = lock.lock().expect("state");
    state.open += 1;
    state.most_open = state.most_open.max(state.open);
    let times = state.asked.entry(key.clone()).or_default();
    *times += 1;
    let again = *times > 1;
    news.notify_all();
    let waited = news.wait_timeout_while(state, LONG, |state| {
        state.asked.values().sum::<usize>() < state.patience
    });
    let (mut state, _) = waited.expect("state");
    let shaky = state.shaky.contains(&key.as_str()) && !again;
    state.open -= 1;
    drop(state);
    let (status, more, body) = match key.as_str() {
        _ if shaky => ("503 Busy", "Retry-After: 0.01\r\n", "{}".to_owned()),
        known if known.starts_with("KEY") => {
            let body = format!(r#"{{"key":"{known}","value":"value of {known}","uuid":"u"}}"#);
            ("200 OK", "", body)
        }
        _ => (
            "404 Not Found",
            "",
            r#"{"message":"no such secret"}"#.to_owned(),
        ),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {length}\r\n\r\n{body}"
    )
    .ok()
}

/// A job that wants these secrets, each as the variable after it.
fn job(vault: &Vault, wanted: &[(&str, &str)], command: &str) -> World {
    let mut world = World::without_checkout(command);
    let list = wanted
        .iter()
        .map(|(key, variable)| format!(r#"{{"key":"{key}","environment_variable":"{variable}"}}"#));
    let list = list.collect::<Vec<_>>().join(",");
    world
        .set("BUILDKITE_SECRETS_CONFIG", &format!("[{list}]"))
        .set(
            "BUILDKITE_AGENT_ENDPOINT",
            &format!("http://127.0.0.1:{}/v3", vault.port),
        )
        .set("BUILDKITE_AGENT_ACCESS_TOKEN", "job-token-value");
    world
}

#[test]
fn ten_secrets_are_fetched_at_a_time() {
    let vault = Vault::open(AT_ONCE, &[]);
    let keys: Vec<(String, String)> = (0..25)
        .map(|n| (format!("KEY{n}"), format!("SECRET_{n}")))
        .collect();
    let keys: Vec<(&str, &str)> = keys
        .iter()
        .map(|(key, name)| (key.as_str(), name.as_str()))
        .collect();
    let ended = job(&vault, &keys, "env | grep -c '^SECRET_.*=value of KEY'").run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.ends_with("\n25\n"), "{}", ended.log);
    assert_eq!((vault.asked().len(), vault.most_open()), (25, AT_ONCE));
}

#[test]
fn one_secret_may_become_two_variables_and_is_fetched_once() {
    let vault = Vault::open(0, &[]);
    let keys = [("KEY", "ONE"), ("KEY", "TWO")];
    let ended = job(&vault, &keys, "[ \"$ONE\" = \"$TWO\" ] && echo \"is $ONE\"").run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.ends_with("\nis [REDACTED]\n"), "{}", ended.log);
    assert_eq!(vault.asked(), BTreeMap::from([("KEY".to_owned(), 1)]));
}

#[test]
fn a_busy_endpoint_is_asked_again() {
    let vault = Vault::open(0, &["KEY"]);
    let ended = job(&vault, &[("KEY", "ONE")], "true").run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert_eq!(vault.asked()["KEY"], 2);
}

#[test]
fn every_secret_that_cannot_be_had_is_named_and_no_hook_begins() {
    let vault = Vault::open(0, &[]);
    let keys = [("KEY", "ONE"), ("LOST", "TWO"), ("GONE", "THREE")];
    let mut world = job(&vault, &keys, "echo ran");
    world
        .hook("environment", "echo ran")
        .hook("pre-exit", "echo \"left ${ONE-nothing}\"");
    let ended = world.run();
    assert_eq!(ended.code(), 125, "{}", ended.log);
    for text in [
        "secret GONE",
        "secret LOST",
        "no such secret",
        "\nleft nothing\n",
    ] {
        assert!(ended.log.contains(text), "{text}: {}", ended.log);
    }
    assert!(!ended.log.contains("\nran\n"), "{}", ended.log);
}

#[test]
fn a_protected_variable_is_refused_before_anything_is_fetched() {
    let vault = Vault::open(0, &[]);
    let flags = "BUILDKITE_GIT_CLONE_FLAGS";
    for (variable, mode, status) in [
        ("BUILDKITE_SHELL", "none", 125),
        ("BUILDKITE_REPO", "none", 125),
        (flags, "from-job", 125),
        (flags, "none", 0),
    ] {
        let before = vault.asked().values().sum::<usize>();
        let mut world = job(&vault, &[("KEY", variable)], "true");
        world.set("BUILDKITE_CHECKOUT_OVERRIDE_MODE", mode);
        let ended = world.run();
        assert_eq!(ended.code(), status, "{}", ended.log);
        let asked = vault.asked().values().sum::<usize>() - before;
        assert_eq!(asked, usize::from(status == 0), "{variable} {mode}");
    }
}

#[test]
fn a_job_without_a_token_cannot_have_secrets() {
    let vault = Vault::open(0, &[]);
    let mut world = job(&vault, &[("KEY", "ONE")], "true");
    world.set("BUILDKITE_AGENT_ACCESS_TOKEN", "");
    let ended = world.run();
    assert_eq!(ended.code(), 125, "{}", ended.log);
    assert_eq!(vault.asked().len(), 0);
}
