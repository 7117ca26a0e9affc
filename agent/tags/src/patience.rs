//! How often a source is asked, and how long it is waited for.

use std::time::Duration;

use crate::service::Trouble;

/// Times a source is asked. The peer's number.
const ATTEMPTS: u32 = 5;
/// Shortest time for one request, whatever the limit for all of them.
const SHORTEST: Duration = Duration::from_secs(1);

/// Limits for one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Between two attempts.
    wait: Duration,
    /// For each request of an attempt.
    pub(crate) request: Duration,
}

impl Patience {
    /// About `limit` for all attempts.
    pub(crate) fn within(limit: Duration) -> Self {
        let wait = limit / ATTEMPTS;
        Self {
            wait,
            request: wait.max(SHORTEST),
        }
    }

    /// One attempt a second.
    pub(crate) fn each_second() -> Self {
        Self {
            wait: SHORTEST,
            request: SHORTEST,
        }
    }
}

/// Asks until there is an answer. The last trouble is the one to tell.
pub(crate) async fn insist<T>(
    patience: Patience,
    ask: impl AsyncFn() -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let mut attempt = 1;
    loop {
        match ask().await {
            Err(trouble) if attempt < ATTEMPTS && !trouble.is_lasting() => {
                tracing::debug!(attempt, "a source of tags: {trouble}");
                attempt += 1;
                tokio::time::sleep(patience.wait).await;
            }
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_source_is_asked_five_times_within_its_limit() {
        let (asked, start) = (Cell::new(0), Instant::now());
        let patience = Patience::within(Duration::from_secs(10));
        let answer: Result<(), _> = insist(patience, async || {
            asked.set(asked.get() + 1);
            Err(Trouble::Empty)
        })
        .await;
        assert!(matches!(answer, Err(Trouble::Empty)));
        assert_eq!(asked.get(), 5);
        assert_eq!(start.elapsed(), Duration::from_secs(8));
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_change_is_not_asked_for_again() {
        let start = Instant::now();
        let answer: Result<(), _> =
            insist(Patience::each_second(), async || Err(Trouble::Absent("X"))).await;
        assert!(matches!(answer, Err(Trouble::Absent("X"))));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_counts() {
        let asked = Cell::new(0);
        let answer = insist(Patience::within(Duration::from_secs(10)), async || {
            asked.set(asked.get() + 1);
            if asked.get() < 5 {
                Err(Trouble::Empty)
            } else {
                Ok(asked.get())
            }
        })
        .await;
        assert_eq!(answer.unwrap(), 5);
    }
}
