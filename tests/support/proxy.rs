//! A hop between agents and the server that can be told to misbehave.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the hop does with a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mood {
    /// Passes everything on.
    Pass,
    /// Closes at once, as a dead server's machine would.
    Drop,
    /// Answers every request with this, head and body, and closes.
    Answer(String),
}

impl Mood {
    /// An answer with this status, these further headers and this body.
    pub fn answer(status: &str, headers: &str, body: &str) -> Self {
        Self::Answer(format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
            body.len()
        ))
    }
}

/// A listener in front of a server. Ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Its own address.
    pub url: String,
    mood: Arc<Mutex<Mood>>,
    refused: Arc<Mutex<u64>>,
    cut: tokio::sync::watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port in front of `url`.
    pub async fn start(url: &str) -> Self {
        let target = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("listen on a free port");
        let own = format!(
            "http://{}",
            listener.local_addr().expect("a listener has an address")
        );
        let mood = Arc::new(Mutex::new(Mood::Pass));
        let refused = Arc::new(Mutex::new(0));
        let (cut, _) = tokio::sync::watch::channel(0);
        let task = tokio::spawn(accept(
            listener,
            target,
            mood.clone(),
            refused.clone(),
            cut.clone(),
        ));
        Self {
            url: own,
            mood,
            refused,
            cut,
            task,
        }
    }

    /// Changes what happens from now on; open connections are cut.
    pub fn set(&self, mood: Mood) {
        *self.mood.lock().expect("no holder panics") = mood;
        self.cut.send_modify(|count| *count += 1);
    }

    /// Connections that were dropped or answered in place of the server.
    pub fn refused(&self) -> u64 {
        *self.refused.lock().expect("no holder panics")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: String,
    mood: Arc<Mutex<Mood>>,
    refused: Arc<Mutex<u64>>,
    cut: tokio::sync::watch::Sender<u64>,
) {
    while let Ok((client, _)) = listener.accept().await {
        let mood = mood.lock().expect("no holder panics").clone();
        if mood != Mood::Pass {
            *refused.lock().expect("no holder panics") += 1;
        }
        tokio::spawn(serve(client, target.clone(), mood, cut.subscribe()));
    }
}

async fn serve(
    mut client: TcpStream,
    target: String,
    mood: Mood,
    mut cut: tokio::sync::watch::Receiver<u64>,
) {
    match mood {
        Mood::Drop => {}
        Mood::Answer(text) => {
            let mut head = [0; 8192];
            // Whatever was asked gets the same answer; the request itself does not matter.
            let _ = client.read(&mut head).await;
            let _ = client.write_all(text.as_bytes()).await;
            let _ = client.shutdown().await;
        }
        Mood::Pass => {
            let Ok(mut server) = TcpStream::connect(&target).await else {
                return;
            };
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => {}
                _ = cut.changed() => {}
            }
        }
    }
}
