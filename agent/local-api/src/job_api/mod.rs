//! The job API: what the processes of one job may ask of the process that runs it.
//!
//! It lives as long as the job. Whoever has the job's token may use it; addresses, statuses and
//! bodies are the peer's.

mod promise;
mod routes;

use std::path::Path;

use crate::desk::Desk;
use crate::http::Server;
use crate::socket::{self, SocketError};
use crate::token::Token;

pub use promise::{Declare, Declared, Promise};
use routes::JobApi;

/// How often a taken name is tried again.
const TRIES: u32 = 8;

/// A job API at work.
#[derive(Debug)]
pub struct Open {
    /// The server; it ends when closed or dropped.
    pub server: Server,
    /// What clients have to know beside the socket's path.
    pub token: String,
}

/// Opens a job's API on a new socket in `sockets`, the agent's folder of sockets. Has to be called
/// in a runtime. `declare` tells the endpoint of a promised failure.
pub fn open(sockets: &Path, desk: Desk, declare: Declare) -> Result<Open, SocketError> {
    let folder = sockets.join("job-api");
    socket::private_folder(&folder)?;
    socket::remove_abandoned(&folder, owner);
    let token = Token::random()?;
    let text = token.text().to_owned();
    let (listener, file) = listen(&folder)?;
    let server = Server::start(listener, file, JobApi::new(desk, token, declare));
    Ok(Open {
        server,
        token: text,
    })
}

/// Listens on a name that nobody has.
fn listen(folder: &Path) -> Result<(tokio::net::UnixListener, socket::SocketFile), SocketError> {
    let pid = std::process::id();
    let mut tries = 0;
    loop {
        tries += 1;
        let number = getrandom::u32()? % 100_000;
        match socket::listen(folder.join(format!("{pid}-{number}.sock"))) {
            Err(SocketError::Listen { error, .. })
                if error.kind() == std::io::ErrorKind::AddrInUse && tries < TRIES => {}
            done => return done,
        }
    }
}

/// The process that a socket belongs to, by the file's name.
fn owner(name: &str) -> Option<i32> {
    let (pid, number) = name.strip_suffix(".sock")?.split_once('-')?;
    number.parse::<u32>().ok()?;
    pid.parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::owner;

    #[test]
    fn only_names_that_a_job_gives_have_an_owner() {
        for (name, wanted) in [
            ("12-345.sock", Some(12)),
            ("12-345", None),
            ("12.sock", None),
            ("-1-2.sock", None),
            ("0-2.sock", None),
            ("x-2.sock", None),
            ("12-x.sock", None),
        ] {
            assert_eq!(owner(name), wanted, "{name}");
        }
    }
}
