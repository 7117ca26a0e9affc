//! The control socket over its public side: real sockets, hostile clients.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use launcher_control::{Asked, Control, Limits};
use shared_control::line::{decode, encode};
use shared_control::status::Phase;
use shared_control::{Answer, MAX_REQUEST, RefusedFor, Reply, Request};
use shared_handover::layout::StateDir;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

/// Long enough for a busy machine; nothing waits for it to pass.
const DEADLINE: Duration = Duration::from_mins(5);

struct Bed {
    _folder: TempDir,
    state: StateDir,
    asked: mpsc::UnboundedReceiver<Asked>,
    server: tokio::task::JoinHandle<()>,
}

impl Bed {
    fn new(limits: Limits) -> Self {
        let folder = TempDir::new().unwrap();
        let state = StateDir::new(folder.path());
        fs::create_dir(state.run()).unwrap();
        Self::over(folder, state, limits)
    }

    fn over(folder: TempDir, state: StateDir, limits: Limits) -> Self {
        let (sender, asked) = mpsc::unbounded_channel();
        let control = Control::open(&state, limits).unwrap();
        let server = tokio::spawn(control.serve(move |asked| sender.send(asked).unwrap()));
        Self {
            _folder: folder,
            state,
            asked,
            server,
        }
    }

    async fn client(&self) -> BufReader<UnixStream> {
        let stream = UnixStream::connect(self.state.launcher_socket()).await;
        BufReader::new(stream.unwrap())
    }

    async fn asking(&self, request: &Request) -> BufReader<UnixStream> {
        let mut client = self.client().await;
        client.write_all(encode(request).as_bytes()).await.unwrap();
        client
    }

    async fn next_asked(&mut self) -> Asked {
        let asked = tokio::time::timeout(DEADLINE, self.asked.recv()).await;
        asked.expect("a request in time").unwrap()
    }
}

fn limits() -> Limits {
    Limits {
        clients: 2,
        patience: DEADLINE,
        still: DEADLINE,
    }
}

async fn next(client: &mut BufReader<UnixStream>) -> Option<Reply> {
    let mut line = String::new();
    let read = tokio::time::timeout(DEADLINE, client.read_line(&mut line)).await;
    match read.expect("a line in time").unwrap() {
        0 => None,
        _ => Some(decode(&line).unwrap()),
    }
}

fn reason(reply: Option<&Reply>) -> Option<RefusedFor> {
    match reply {
        Some(Reply::Refused { reason, .. }) => Some(*reason),
        _ => None,
    }
}

#[tokio::test]
async fn a_question_gets_its_progress_and_then_its_answer() {
    let mut bed = Bed::new(limits());
    let request = Request::Apply { to: None };
    let mut client = bed.asking(&request).await;
    let asked = bed.next_asked().await;
    assert_eq!(asked.request, request);
    asked.replier.progress(Phase::Downloading, "agent", 1, 2);
    asked.replier.done(Answer::Ok);
    let progress = Reply::Progress {
        phase: Phase::Downloading,
        component: "agent".into(),
        done: 1,
        total: 2,
    };
    assert_eq!(next(&mut client).await, Some(progress));
    let done = Reply::Done { answer: Answer::Ok };
    assert_eq!(next(&mut client).await, Some(done));
    assert_eq!(next(&mut client).await, None);
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_and_takes_a_dead_ones_place() {
    let folder = TempDir::new().unwrap();
    let state = StateDir::new(folder.path());
    fs::create_dir(state.run()).unwrap();
    drop(UnixListener::bind(state.launcher_socket()).unwrap());
    fs::write(state.launcher_socket().with_extension("new"), "left over").unwrap();
    let mut bed = Bed::over(folder, state, limits());
    let mode = fs::metadata(bed.state.launcher_socket())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut client = bed.asking(&Request::Status).await;
    bed.next_asked().await.replier.done(Answer::Ok);
    assert!(next(&mut client).await.is_some());
}

#[tokio::test]
async fn a_socket_that_is_closed_leaves_no_file() {
    let bed = Bed::new(limits());
    assert!(bed.state.launcher_socket().exists());
    bed.server.abort();
    let _ = bed.server.await;
    assert!(!bed.state.launcher_socket().exists());
}

#[tokio::test]
async fn where_no_socket_can_be_made_the_error_names_it() {
    let folder = TempDir::new().unwrap();
    let state = StateDir::new(folder.path().join("missing"));
    let refused = Control::open(&state, limits()).unwrap_err().to_string();
    assert!(refused.contains("launcher.sock"), "{refused}");
}

#[tokio::test]
async fn a_launcher_that_drops_a_question_says_that_it_is_ending() {
    let mut bed = Bed::new(limits());
    let mut client = bed.asking(&Request::Verify).await;
    drop(bed.next_asked().await.replier);
    assert_eq!(
        reason(next(&mut client).await.as_ref()),
        Some(RefusedFor::Stopping)
    );
}

#[tokio::test]
async fn a_slow_answer_is_told_from_a_dead_launcher() {
    let still = Duration::from_millis(10);
    let mut bed = Bed::new(Limits { still, ..limits() });
    let mut client = bed.asking(&Request::Verify).await;
    let asked = bed.next_asked().await;
    for _ in 0..3 {
        assert_eq!(next(&mut client).await, Some(Reply::Still));
    }
    asked.replier.done(Answer::Ok);
    while next(&mut client).await != Some(Reply::Done { answer: Answer::Ok }) {}
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_never_reaches_the_launcher() {
    let mut bed = Bed::new(limits());
    let long = "x".repeat(4 * MAX_REQUEST);
    for line in ["\n", "{}\n", "{\"ask\":\"sing\"}\n", "\u{0}\n", &long] {
        let mut client = bed.client().await;
        client.write_all(line.as_bytes()).await.unwrap();
        let reply = next(&mut client).await;
        assert_eq!(
            reason(reply.as_ref()),
            Some(RefusedFor::NotUnderstood),
            "{line:.20}"
        );
    }
    let mut client = bed.client().await;
    client.write_all(b"\xff\xfe\n").await.unwrap();
    assert_eq!(
        reason(next(&mut client).await.as_ref()),
        Some(RefusedFor::NotUnderstood)
    );
    assert!(bed.asked.try_recv().is_err());
}

#[tokio::test]
async fn a_client_that_says_nothing_is_sent_away() {
    let patience = Duration::from_millis(20);
    let bed = Bed::new(Limits {
        patience,
        ..limits()
    });
    let mut client = bed.client().await;
    client.write_all(b"{\"ask\":").await.unwrap();
    assert_eq!(
        reason(next(&mut client).await.as_ref()),
        Some(RefusedFor::NotUnderstood)
    );
}

#[tokio::test]
async fn one_client_too_many_is_told_so_and_room_comes_back() {
    let mut bed = Bed::new(limits());
    let mut first = bed.asking(&Request::Verify).await;
    let _second = bed.asking(&Request::Verify).await;
    let asked = bed.next_asked().await;
    let _other = bed.next_asked().await;
    let mut third = bed.asking(&Request::Status).await;
    assert_eq!(
        reason(next(&mut third).await.as_ref()),
        Some(RefusedFor::TooMany)
    );
    drop(third);
    asked.replier.done(Answer::Ok);
    assert!(next(&mut first).await.is_some());
    assert!(next(&mut first).await.is_none());
    // The places of the first and the third are free as soon as their tasks have ended.
    loop {
        let mut again = bed.asking(&Request::Status).await;
        let turned_away = tokio::select! {
            asked = bed.next_asked() => {
                asked.replier.done(Answer::Ok);
                next(&mut again).await;
                break;
            }
            reply = next(&mut again) => reason(reply.as_ref()),
        };
        assert_eq!(turned_away, Some(RefusedFor::TooMany));
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_costs_neither_memory_nor_time() {
    let patience = Duration::from_millis(50);
    let mut bed = Bed::new(Limits {
        patience,
        still: Duration::from_millis(1),
        ..limits()
    });
    let client = bed.asking(&Request::Verify).await;
    let asked = bed.next_asked().await;
    // It never waits, whatever comes: more than any buffer of a socket holds.
    let long = "x".repeat(1000);
    let gone = async {
        while !asked.replier.is_alone() {
            for _ in 0..100 {
                asked.replier.progress(Phase::Verifying, &long, 1, 2);
            }
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(DEADLINE, gone).await;
    ended.expect("the visit ends");
    drop(client);
}

#[tokio::test]
async fn a_client_that_hangs_up_is_noticed_and_its_order_still_stands() {
    let mut bed = Bed::new(Limits {
        still: Duration::from_millis(1),
        ..limits()
    });
    let client = bed.asking(&Request::Apply { to: None }).await;
    let asked = bed.next_asked().await;
    drop(client);
    let alone = async {
        while !asked.replier.is_alone() {
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(DEADLINE, alone).await;
    ended.expect("it is noticed");
    asked.replier.done(Answer::Ok);
}

#[tokio::test]
async fn a_client_may_end_its_sending_before_it_reads() {
    let mut bed = Bed::new(limits());
    let mut client = bed.asking(&Request::Status).await;
    client.shutdown().await.unwrap();
    bed.next_asked().await.replier.done(Answer::Ok);
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, encode(&Reply::Done { answer: Answer::Ok }));
}
