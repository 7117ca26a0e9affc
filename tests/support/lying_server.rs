//! A server of files that can be told to lie about each of them, byte for byte, and keeps what it
//! was asked. Honest answers know ranges and validators.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Longest head of a request that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// What one request gets.
#[derive(Debug, Clone)]
pub enum Answer {
    /// What an honest server would say.
    Honest,
    /// The whole file, whatever part was asked for.
    Whole,
    /// These bytes, head and body, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, then silence.
    Stall(Vec<u8>),
    /// These bytes, then blanks until the other side has had enough.
    Endless(Vec<u8>),
    /// These bytes, then a reset connection.
    Reset(Vec<u8>),
}

impl Answer {
    /// An answer with this status and these headers (each ends in CR LF), which announces
    /// `announced` bytes and sends `body`.
    pub fn raw(status: &str, headers: &str, announced: u64, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {announced}\r\n{headers}connection: close\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }

    /// A well-formed answer with this status, these headers and this body.
    pub fn reply(status: &str, headers: &str, body: &[u8]) -> Self {
        Self::Bytes(Self::raw(status, headers, body.len() as u64, body))
    }
}

/// One question.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its path.
    pub path: String,
    /// Whether it asked for a part.
    pub range: Option<u64>,
    /// The validator of what it has.
    pub etag: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<String, Vec<u8>>,
    /// Answers to the next questions for a path; the last one stays.
    lies: HashMap<String, VecDeque<Answer>>,
    asked: Vec<Asked>,
}

/// A server on a free port. Ends when dropped.
#[derive(Debug)]
pub struct LyingServer {
    /// Its own address.
    pub url: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl LyingServer {
    /// Starts without any file.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("listen on a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::<Mutex<State>>::default();
        Self {
            url: format!("http://{address}"),
            task: tokio::spawn(accept(listener, state.clone())),
            state,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// Has these bytes at this path from now on.
    pub fn put(&self, path: &str, bytes: Vec<u8>) {
        self.state().files.insert(path.to_owned(), bytes);
    }

    /// Answers the next questions for this path like this; all after them like the last one.
    pub fn lie(&self, path: &str, answers: Vec<Answer>) {
        self.state().lies.insert(path.to_owned(), answers.into());
    }

    /// Tells the truth about everything from now on.
    pub fn be_honest(&self) {
        self.state().lies.clear();
    }

    /// What it was asked for at this path so far.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        let state = self.state();
        let asked = state.asked.iter().filter(|asked| asked.path == path);
        asked.cloned().collect()
    }
}

impl Drop for LyingServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(serve(client, state.clone()));
    }
}

/// Answers one question; a connection has no second one.
async fn serve(mut client: TcpStream, state: Arc<Mutex<State>>) {
    let Some(asked) = read_head(&mut client).await else {
        return;
    };
    let answer = decide(&mut state.lock().expect("no holder panics"), asked);
    // Whatever the other side makes of it, and when it has had enough, is what tests look at.
    let _ = give(client, answer).await;
}

fn decide(state: &mut State, asked: Asked) -> Answer {
    let planned = state.lies.get_mut(&asked.path).and_then(|answers| {
        let last = answers.len() == 1;
        if last {
            answers.front().cloned()
        } else {
            answers.pop_front()
        }
    });
    let file = state.files.get(&asked.path);
    let answer = match (planned.unwrap_or(Answer::Honest), file) {
        (Answer::Honest, Some(file)) => honest(file, &asked),
        (Answer::Whole, Some(file)) => Answer::reply("200 OK", "", file),
        (Answer::Honest | Answer::Whole, None) => Answer::reply("404 Not Found", "", b""),
        (lie, _) => lie,
    };
    state.asked.push(asked);
    answer
}

/// The validator of some bytes.
pub fn etag(file: &[u8]) -> String {
    format!("\"{}\"", shared_slots::Digest::of(file))
}

fn honest(file: &[u8], asked: &Asked) -> Answer {
    let etag = etag(file);
    let header = format!("etag: {etag}\r\n");
    let total = file.len() as u64;
    let start = asked.range.filter(|start| *start < total);
    match (start, &asked.etag) {
        (None, Some(known)) if *known == etag => Answer::reply("304 Not Modified", &header, b""),
        (None, _) => Answer::reply("200 OK", &header, file),
        (Some(_), Some(known)) if *known != etag => Answer::reply("200 OK", &header, file),
        (Some(start), _) => {
            let range = format!("content-range: bytes {start}-{}/{total}\r\n", total - 1);
            let at = usize::try_from(start).expect("a file of a test is small");
            Answer::reply("206 Partial Content", &(range + &header), &file[at..])
        }
    }
}

async fn read_head(client: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > MAX_HEAD {
            return None;
        }
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head);
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let part = header("range").and_then(|range| {
        let start = range.strip_prefix("bytes=")?.strip_suffix('-')?;
        start.parse().ok()
    });
    Some(Asked {
        path: head.split(' ').nth(1)?.to_owned(),
        range: part,
        etag: header("if-none-match").or_else(|| header("if-range")),
    })
}

async fn give(mut client: TcpStream, answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Bytes(bytes) => {
            client.write_all(&bytes).await?;
            client.shutdown().await
        }
        Answer::Stall(bytes) => {
            client.write_all(&bytes).await?;
            // Silence until the other side hangs up.
            client.read_u8().await.map(drop)
        }
        Answer::Endless(bytes) => {
            client.write_all(&bytes).await?;
            loop {
                client.write_all(&[b' '; 16 * 1024]).await?;
            }
        }
        Answer::Reset(bytes) => {
            client.write_all(&bytes).await?;
            client.set_zero_linger()
        }
        Answer::Honest | Answer::Whole => unreachable!("decided before"),
    }
}
