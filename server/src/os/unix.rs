//! SIGTERM from a service manager, SIGINT from a terminal.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Listens from this call on; the future ends with the first request.
pub(crate) fn stop_requests() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
