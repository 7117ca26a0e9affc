//! What tells this process to end. Neither kind can be waited for by tokio, so each has a thread,
//! which ends with the process.
#![expect(unsafe_code, reason = "a system call that std does not offer")]

use std::fs::File;
use std::io::{self, Read as _};
use std::os::windows::io::{AsHandle, AsRawHandle as _};
use std::time::Duration;

use shared_supervise::{Event, Events, pause};
use tokio::sync::{mpsc, oneshot};
use windows_sys::Win32::Storage::FileSystem::{FILE_TYPE_PIPE, GetFileType};

/// Between two waits of which the first failed.
const AGAIN: Duration = Duration::from_secs(1);

/// What asks this process to end: console events, and the event named after this process.
#[derive(Debug)]
pub(crate) struct Stops(mpsc::UnboundedReceiver<()>);

impl Stops {
    /// Listens from now on.
    pub(crate) fn listen() -> io::Result<Self> {
        // Which signals are named makes no difference here.
        let events = Events::listen(&[])?;
        let (sender, stops) = mpsc::unbounded_channel();
        std::thread::Builder::new()
            .name("stops".to_owned())
            .spawn(move || forward(events, &sender))?;
        Ok(Self(stops))
    }

    /// Waits for the next one; `None` when there will be no more.
    pub(crate) async fn next(&mut self) -> Option<()> {
        self.0.recv().await
    }
}

fn forward(mut events: Events, stops: &mpsc::UnboundedSender<()>) {
    loop {
        match events.wait(&[], None) {
            Ok(Event::Signal(_)) if stops.send(()).is_err() => return,
            Ok(_) => {}
            Err(_) => pause(AGAIN),
        }
    }
}

/// Whether a standard stream is a pipe, as the bootstrapper makes them.
pub(crate) fn is_pipe(stream: impl AsHandle) -> bool {
    // SAFETY: the handle is open while the stream is borrowed, or none, of which no kind is known.
    unsafe { GetFileType(stream.as_handle().as_raw_handle()) == FILE_TYPE_PIPE }
}

/// The pipe whose other end the bootstrapper holds.
#[derive(Debug)]
pub(crate) struct Lifeline(oneshot::Receiver<()>);

impl Lifeline {
    /// Standard input, if it is one. A console or NUL ends for other reasons; only a pipe is held
    /// by a bootstrapper.
    pub(crate) fn of_stdin() -> io::Result<Option<Self>> {
        let stdin = io::stdin();
        if !is_pipe(&stdin) {
            return Ok(None);
        }
        let pipe = File::from(stdin.as_handle().try_clone_to_owned()?);
        let (cut, end) = oneshot::channel();
        std::thread::Builder::new()
            .name("lifeline".to_owned())
            .spawn(move || {
                read_to_end(pipe);
                let _ = cut.send(());
            })?;
        Ok(Some(Self(end)))
    }

    /// Waits until the bootstrapper is gone.
    pub(crate) async fn cut(self) {
        // The thread sends before it ends; one that panicked would end the process.
        let _ = self.0.await;
    }
}

/// The pipe is never written to, so whatever wakes its reader is its end.
fn read_to_end(mut pipe: File) {
    let mut nothing = [0; 16];
    while matches!(pipe.read(&mut nothing), Ok(1..)) {}
}
