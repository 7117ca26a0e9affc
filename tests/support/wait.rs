//! Waiting for something that a real process does: a look every few milliseconds, with a limit.

use std::time::Duration;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// The limit where nothing else is said. Long, because a loaded machine is no failure.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// Looks until there is something, and returns it. Panics after [`PATIENCE`] with `what`.
pub async fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, look).await
}

/// As [`until`], with a limit of its own.
pub async fn until_within<T>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> Option<T>,
) -> T {
    let begun = tokio::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            begun.elapsed() < limit,
            "waited {} s in vain: {what}",
            limit.as_secs()
        );
        tokio::time::sleep(LOOK).await;
    }
}

/// As [`until`], for a look that itself has to wait.
pub async fn until_async<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let begun = tokio::time::Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "waited {} s in vain: {what}",
            PATIENCE.as_secs()
        );
        tokio::time::sleep(LOOK).await;
    }
}
