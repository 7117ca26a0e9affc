//! Ctrl-C and closing the console.

use std::io;

use tokio::signal::windows::{ctrl_c, ctrl_shutdown};

/// Listens from this call on; the future ends with the first request.
pub(crate) fn stop_requests() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = ctrl_c()?;
    let mut shutdown = ctrl_shutdown()?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = shutdown.recv() => {}
        }
    })
}
