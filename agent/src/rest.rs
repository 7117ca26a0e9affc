//! An agent at rest holds little memory: code that only ran while it started, or for a job, leaves
//! its memory until it is used again.

use std::time::Duration;

use agent_worker::PoolStatus;
use shared_supervise::release_code;
use tokio::sync::watch;

/// How long no worker has had a job before the agent counts as at rest. Long enough that a host with
/// work never gets there.
const QUIET: Duration = Duration::from_secs(5);

/// Releases code each time the pool comes to rest. One timer for each time, none while it rests.
pub(crate) async fn keep_small(mut pool: watch::Receiver<PoolStatus>) {
    loop {
        // An end of the pool is the end of this, too.
        if pool.wait_for(at_rest).await.is_err() {
            return;
        }
        let works = tokio::time::timeout(QUIET, pool.wait_for(|pool| !at_rest(pool)));
        let rested = works.await.is_err();
        if rested {
            release_code();
            if pool.wait_for(|pool| !at_rest(pool)).await.is_err() {
                return;
            }
        }
    }
}

fn at_rest(pool: &PoolStatus) -> bool {
    pool.ready > 0 && pool.busy == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(ready: u32, busy: u32) -> PoolStatus {
        PoolStatus {
            ready,
            busy,
            ..PoolStatus::default()
        }
    }

    #[test]
    fn an_agent_rests_when_workers_are_there_and_none_has_a_job() {
        for (ready, busy, expected) in [(1, 0, true), (0, 0, false), (3, 1, false), (0, 1, false)] {
            assert_eq!(at_rest(&pool(ready, busy)), expected, "{ready} {busy}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_pool_at_rest_or_at_work() {
        for busy in [0, 1] {
            let (status, watched) = watch::channel(pool(1, busy));
            let mut keeping = std::pin::pin!(keep_small(watched));
            let long = tokio::time::timeout(QUIET * 2, &mut keeping);
            assert!(long.await.is_err(), "the pool is still there");
            drop(status);
            keeping.await;
        }
    }
}
