//! A loopback HTTP endpoint with fixed answers, and the client for the job's own socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use super::case::Route;
use super::events::Event;

/// Answers each request as the routes say, and keeps what was asked.
pub(super) struct Endpoint {
    pub(super) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Endpoint {
    /// Routes are filled already. The thread ends with the test program.
    pub(super) fn start(routes: Vec<Route>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = listener.local_addr().expect("address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = answer(stream, &routes, &seen);
            }
        });
        Self { port, requests }
    }

    /// Requests since the last time this was asked: method, path, authorization, body.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().expect("requests"))
    }
}

fn answer(stream: TcpStream, routes: &[Route], seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (first, headers) = head(&mut reader)?;
    let header = |name: &str| {
        let mut found = headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value.as_str())
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let body = String::from_utf8_lossy(&body);
    let line = format!("{method} {path} {} {body}", header("authorization"));
    seen.lock()
        .expect("requests")
        .push(line.trim_end().to_owned());
    let route = routes
        .iter()
        .find(|route| route.method == method && route.path == path);
    let (status, json) = route.map_or((404, "{}"), |route| (route.status, route.json.as_str()));
    write!(
        reader.get_mut(),
        "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{json}",
        json.len()
    )
}

type Head = (String, Vec<(String, String)>);

fn head(reader: &mut impl BufRead) -> std::io::Result<Head> {
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Ok((first.trim_end().to_owned(), headers));
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// Does what an `ask` event wants, and writes `STATUS BODY` and a line feed to its reply pipe.
pub(super) fn ask(event: &Event) {
    let [method, path, body @ ..] = event.args.as_slice() else {
        panic!("ask METHOD PATH [BODY]: {event:?}");
    };
    let body = body.first().map_or("", String::as_str);
    let text = request(&event.extra, method, path, body).unwrap_or_else(|error| error.to_string());
    let reply = std::fs::OpenOptions::new()
        .write(true)
        .open(&event.extra["reply"]);
    let _ = reply.and_then(|mut reply| writeln!(reply, "{text}"));
}

fn request(
    extra: &std::collections::BTreeMap<String, String>,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(&extra["socket"])?;
    let token = match extra["token"].as_str() {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    write!(
        stream,
        "{method} /api/current-job/v0{path} HTTP/1.1\r\nHost: job\r\nConnection: close\r\n{token}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut reader = BufReader::new(stream);
    let (first, headers) = head(&mut reader)?;
    let mut body = String::new();
    reader.read_to_string(&mut body)?;
    let chunked = headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding") && value.contains("chunked")
    });
    assert!(!chunked, "an answer this short has a length");
    let status = first.split(' ').nth(1).unwrap_or("none");
    Ok(format!("{status} {}", body.trim_end()))
}
