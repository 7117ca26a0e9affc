//! One HTTP server for all hosts: the release tree of each, and the endpoint that gives out jobs.
//!
//! A host's address is `http://127.0.0.1:<port>/<host>`. Below it, `/releases/v1/…` is its tree and
//! `/v3/job/<version>` gives the next job to a stand-in of that version, or nothing; the rest of
//! `/v3/` is for the real agent ([`crate::endpoint`]).

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use crate::endpoint::Jobs;
use crate::release::Publisher;

/// What the server knows of one host.
#[derive(Debug)]
struct Host {
    manifest: Vec<u8>,
    jobs: Jobs,
    /// Version of the stand-in that was given the last job.
    last: String,
    /// The next file breaks off in the middle.
    cut_next: bool,
}

/// The server. Runs until the process ends.
#[derive(Clone)]
pub(crate) struct Server {
    address: String,
    publisher: Arc<Publisher>,
    hosts: Arc<Mutex<HashMap<String, Host>>>,
}

impl Server {
    pub(crate) fn start(publisher: Arc<Publisher>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let server = Self {
            address: format!("http://{}", listener.local_addr()?),
            publisher,
            hosts: Arc::default(),
        };
        let door = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = door.clone();
                // A host that was struck leaves half a conversation.
                thread::spawn(move || server.answer(stream));
            }
        });
        Ok(server)
    }

    /// Address of a host's own part.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("{}/{host}", self.address)
    }

    /// Publishes a manifest for a host.
    pub(crate) fn publish(&self, host: &str, manifest: Vec<u8>) {
        of(&mut self.lock(), host).manifest = manifest;
    }

    /// Says whether there are jobs to be had.
    pub(crate) fn give_jobs(&self, host: &str, has_jobs: bool) {
        of(&mut self.lock(), host).jobs.open = has_jobs;
    }

    /// Breaks off the next file of this host in the middle.
    pub(crate) fn cut_next(&self, host: &str) {
        of(&mut self.lock(), host).cut_next = true;
    }

    /// Number of jobs given out so far.
    pub(crate) fn given(&self, host: &str) -> u64 {
        self.lock().get(host).map_or(0, |host| host.jobs.accepted())
    }

    /// Number of jobs whose end the real agent has not told.
    pub(crate) fn owed(&self, host: &str) -> u64 {
        let hosts = self.lock();
        let is_real = |host: &&Host| host.last.is_empty();
        let host = hosts.get(host).filter(is_real);
        host.map_or(0, |host| host.jobs.owed())
    }

    /// Version of the stand-in that was given the last job.
    pub(crate) fn last(&self, host: &str) -> String {
        let hosts = self.lock();
        hosts
            .get(host)
            .map(|host| host.last.clone())
            .unwrap_or_default()
    }

    /// Forgets a host.
    pub(crate) fn forget(&self, host: &str) {
        self.lock().remove(host);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().expect("no thread panics with the lock")
    }

    fn answer(&self, stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut request = String::new();
        reader.read_line(&mut request)?;
        let (mut header, mut from, mut length) = (String::new(), 0, 0);
        while reader.read_line(&mut header)? > 2 {
            let line = header.to_ascii_lowercase();
            if let Some(range) = line.strip_prefix("range: bytes=") {
                from = range.trim().trim_end_matches('-').parse().unwrap_or(0);
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            header.clear();
        }
        io::copy(&mut (&mut reader).take(length), &mut io::sink())?;
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (host, rest) = path
            .trim_start_matches('/')
            .split_once('/')
            .unwrap_or_default();
        let mut stream = reader.into_inner();
        if let Some(version) = rest.strip_prefix("v3/job/") {
            let job = self.next_job(host, version);
            return send(&mut stream, "200 OK", job.as_bytes(), job.len());
        }
        if let Some(call) = rest.strip_prefix("v3/") {
            let method = request.split(' ').next().unwrap_or_default();
            let mut hosts = self.lock();
            let host = of(&mut hosts, host);
            let answer = host.jobs.answer(method, call).to_string();
            drop(hosts);
            return send(&mut stream, "200 OK", answer.as_bytes(), answer.len());
        }
        let Some(body) = self.file(host, rest) else {
            return send(&mut stream, "404 Not Found", b"", 0);
        };
        let whole = body.len();
        let part = body.get(from..).unwrap_or_default();
        let cut = rest.contains("/blobs/") && self.take_cut(host);
        let sent = if cut { &part[..part.len() / 2] } else { part };
        let status = if from == 0 {
            "200 OK".to_owned()
        } else {
            let last = whole.saturating_sub(1);
            format!("206 Partial Content\r\ncontent-range: bytes {from}-{last}/{whole}")
        };
        send(&mut stream, &status, sent, part.len())
    }

    fn next_job(&self, host: &str, version: &str) -> String {
        let mut hosts = self.lock();
        let Some(host) = hosts.get_mut(host) else {
            return String::new();
        };
        let Some(id) = host.jobs.next() else {
            return String::new();
        };
        host.jobs.accept(&id);
        version.clone_into(&mut host.last);
        id
    }

    fn file(&self, host: &str, path: &str) -> Option<Arc<Vec<u8>>> {
        let path = path.strip_prefix("releases/v1/")?;
        if path == "stable/manifest.json" {
            let hosts = self.lock();
            let manifest = &hosts.get(host)?.manifest;
            return (!manifest.is_empty()).then(|| Arc::new(manifest.clone()));
        }
        self.publisher.blob(path.strip_prefix("blobs/")?)
    }

    fn take_cut(&self, host: &str) -> bool {
        let mut hosts = self.lock();
        let host = hosts.get_mut(host);
        host.is_some_and(|host| std::mem::take(&mut host.cut_next))
    }
}

/// The host of that name, which is made if it is new.
fn of<'a>(hosts: &'a mut HashMap<String, Host>, name: &str) -> &'a mut Host {
    hosts.entry(name.to_owned()).or_insert_with(|| Host {
        manifest: Vec::new(),
        jobs: Jobs::new(name),
        last: String::new(),
        cut_next: false,
    })
}

fn send(stream: &mut TcpStream, status: &str, body: &[u8], announced: usize) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/octet-stream\r\netag: \"1\"\r\naccept-ranges: bytes\r\ncontent-length: {announced}\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}
