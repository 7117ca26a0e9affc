//! A static file server on a free loopback port: the release tree.
//!
//! Beside a file, `<name>.cut` makes the server break off in the middle of it, `<name>.page` makes it
//! answer with a login page instead. Each answer has the `Date` that is in the file `date`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Serves `root` under `/releases/v1/` until the test process ends.
pub(crate) struct Server {
    pub(crate) url: String,
    /// The paths that were asked for.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(root: PathBuf) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A launcher that was killed leaves half a conversation.
                let _ = answer(stream, &root, &log);
            }
        });
        Self { url, requests }
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests_for("")
    }

    /// Requests so far for paths with this end.
    pub(crate) fn requests_for(&self, end: &str) -> usize {
        let paths = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        paths.iter().filter(|path| path.ends_with(end)).count()
    }
}

fn answer(stream: TcpStream, root: &Path, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let stream = reader.into_inner();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let mut paths = log.lock().unwrap_or_else(PoisonError::into_inner);
    paths.push(path.to_owned());
    drop(paths);
    // A proxy is asked with the whole address.
    let (_, below) = path.split_once("/releases/v1/").unwrap_or_default();
    let file = root.join(below);
    let beside = |suffix: &str| PathBuf::from(format!("{}.{suffix}", file.display())).exists();
    let date = fs::read_to_string(root.join("date"));
    let date = date.map_or_else(|_| String::new(), |date| format!("date: {date}\r\n"));
    let mut stream = Dated { stream, date };
    let Ok(content) = fs::read(&file) else {
        return respond(&mut stream, "404 Not Found", "text/plain", 0, b"");
    };
    if beside("page") {
        let page = b"<html>log in</html>";
        return respond(&mut stream, "200 OK", "text/html", page.len(), page);
    }
    let sent = if beside("cut") {
        &content[..content.len() / 2]
    } else {
        &content
    };
    let kind = "application/octet-stream";
    respond(&mut stream, "200 OK", kind, content.len(), sent)
}

/// A connection, and the line that tells the date.
struct Dated {
    stream: TcpStream,
    date: String,
}

fn respond(
    Dated { stream, date }: &mut Dated,
    status: &str,
    kind: &str,
    announced: usize,
    body: &[u8],
) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {announced}\r\n{date}connection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}
