//! A task that does not outlive its owner.

use tokio::task::JoinHandle;

/// A task; dropped, it is stopped.
#[derive(Debug)]
pub(crate) struct Background(JoinHandle<()>);

impl Background {
    /// Starts it. Has to be called in a runtime.
    pub(crate) fn start(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    /// Waits for its own end.
    pub(crate) async fn ended(mut self) {
        // A task that panicked has ended too.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}
