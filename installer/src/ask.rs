//! The client of the launcher's socket: one question, lines, one final answer.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::time::Duration;

use shared_control::line::{decode, encode};
use shared_control::{Answer, MAX_REPLY, Reply, Request};

use crate::failure::Failure;
use crate::os;
use crate::place::Host;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// Nobody listens.
    NotRunning,
    /// Something went wrong, be it a refusal.
    Failed(Failure),
}

/// Asks; `on_progress` gets every line before the last.
pub(crate) fn ask(
    host: &Host,
    request: &Request,
    mut on_progress: impl FnMut(&Reply),
) -> Result<Answer, NoAnswer> {
    let stream = match os::connect(&host.state.launcher_socket(), host.patience) {
        Ok(stream) => stream,
        Err(error) => return Err(not_there(host, error)),
    };
    let silent = |error: io::Error| NoAnswer::Failed(not_answering(&error, host.patience));
    let mut stream = BufReader::new(stream);
    let line = encode(request);
    stream
        .get_mut()
        .write_all(line.as_bytes())
        .map_err(silent)?;
    loop {
        let mut line = String::new();
        let read = (&mut stream).take(MAX_REPLY as u64).read_line(&mut line);
        if read.map_err(silent)? == 0 {
            let gone = "it hung up before it had answered".to_owned();
            return Err(NoAnswer::Failed(Failure::NotAnswering(gone)));
        }
        match decode::<Reply>(&line) {
            Ok(Reply::Done { answer }) => return Ok(answer),
            Ok(Reply::Refused { reason, detail }) => {
                return Err(NoAnswer::Failed(Failure::Refused { reason, detail }));
            }
            Ok(reply) => on_progress(&reply),
            Err(error) => {
                return Err(NoAnswer::Failed(Failure::NotAnswering(error.to_string())));
            }
        }
    }
}

/// Asks, where nothing can be done without a launcher.
pub(crate) fn ask_running(
    host: &Host,
    request: &Request,
    on_progress: impl FnMut(&Reply),
) -> Result<Answer, Failure> {
    ask(host, request, on_progress).map_err(|none| match none {
        NoAnswer::NotRunning => {
            Failure::NotRunning("start the bootstrapper, then order this again")
        }
        NoAnswer::Failed(failure) => failure,
    })
}

fn not_there(host: &Host, error: io::Error) -> NoAnswer {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => NoAnswer::NotRunning,
        io::ErrorKind::WouldBlock => NoAnswer::Failed(not_answering(&error, host.patience)),
        _ => {
            let socket = host.state.launcher_socket();
            NoAnswer::Failed(Failure::file("cannot connect to", socket)(error))
        }
    }
}

fn not_answering(error: &io::Error, patience: Duration) -> Failure {
    Failure::NotAnswering(match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("it said nothing for {} s", patience.as_secs_f64())
        }
        _ => error.to_string(),
    })
}
