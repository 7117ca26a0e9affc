//! What the workers of a process know of the streams of their endpoint.
//!
//! Whether there are any is found out by asking. A hundred workers that start together would each
//! ask, and where there are none each of them opens connections only to be told so. So while nothing
//! is known they ask one after the other, and what the first learns of the endpoint is told to those
//! who wait. What it learns of itself only, a refused token say, is not.

use std::cell::RefCell;

use agent_ping_stream::StreamError;
use agent_ping_stream::status::Code;
use shared_client::Endpoint;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Duration, Instant, timeout};

/// How long what was learned is believed: workers that start later ask anew.
const BELIEVED: Duration = Duration::from_mins(1);

/// How long a worker waits for what another one learns.
const PATIENCE: Duration = Duration::from_secs(10);

/// The knowledge, and whose turn it is to ask.
#[derive(Debug, Default)]
pub(crate) struct Scout {
    known: RefCell<Option<Known>>,
    turn: Mutex<()>,
}

#[derive(Debug)]
struct Known {
    endpoint: Endpoint,
    at: Instant,
    /// Why there are no streams; nothing if there are.
    none: Option<StreamError>,
}

impl Scout {
    /// Ends when a worker may ask `endpoint` for a stream. It holds on to what is returned until it
    /// knows more, and then says what it [learned](Self::learned). An error says that there are none.
    pub(crate) async fn turn(
        &self,
        endpoint: &Endpoint,
    ) -> Result<Option<MutexGuard<'_, ()>>, StreamError> {
        if let Some(known) = self.known(endpoint) {
            return known.map(|()| None);
        }
        let turn = timeout(PATIENCE, self.turn.lock()).await.ok();
        match self.known(endpoint) {
            Some(known) => known.map(|()| None),
            None => Ok(turn),
        }
    }

    /// A worker asked, and was told so.
    pub(crate) fn learned(&self, endpoint: &Endpoint, error: Option<&StreamError>) {
        if error.is_none_or(is_of_the_endpoint) {
            self.known.replace(Some(Known {
                endpoint: endpoint.clone(),
                at: Instant::now(),
                none: error.cloned(),
            }));
        }
    }

    fn known(&self, endpoint: &Endpoint) -> Option<Result<(), StreamError>> {
        let known = self.known.borrow();
        let known = known
            .as_ref()
            .filter(|known| known.endpoint == *endpoint && known.at.elapsed() < BELIEVED)?;
        Some(known.none.clone().map_or(Ok(()), Err))
    }
}

/// Whether every worker would be told the same.
fn is_of_the_endpoint(error: &StreamError) -> bool {
    match error {
        StreamError::Foreign { status } => matches!(status, 404 | 405 | 415 | 501),
        StreamError::Status { code, .. } => *code == Code::UNIMPLEMENTED,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        Endpoint::parse(text).unwrap()
    }

    fn foreign(status: u16) -> StreamError {
        StreamError::Foreign { status }
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_learns_of_the_endpoint_is_told_to_those_who_wait() {
        let (here, there) = (endpoint("http://a/v3"), endpoint("http://b/v3"));
        let scout = Scout::default();
        let turn = scout.turn(&here).await.unwrap();
        assert!(turn.is_some());
        let waiting = scout.turn(&here);
        let asking = async {
            scout.learned(&here, Some(&foreign(404)));
            drop(turn);
        };
        let (told, ()) = tokio::join!(biased; waiting, asking);
        assert_eq!(told.unwrap_err(), foreign(404));
        assert!(scout.turn(&there).await.unwrap().is_some());
        tokio::time::advance(BELIEVED).await;
        assert!(scout.turn(&here).await.unwrap().is_some(), "asked anew");
    }

    #[tokio::test(start_paused = true)]
    async fn where_there_are_streams_nobody_waits() {
        let here = endpoint("http://a/v3");
        let scout = Scout::default();
        let turn = scout.turn(&here).await.unwrap();
        scout.learned(&here, None);
        assert!(turn.is_some() && scout.turn(&here).await.unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_concerns_one_worker_or_will_pass_is_no_knowledge() {
        let here = endpoint("http://a/v3");
        for status in [401, 403, 429, 503] {
            let scout = Scout::default();
            scout.learned(&here, Some(&foreign(status)));
            assert!(scout.turn(&here).await.unwrap().is_some(), "{status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_gets_no_answer_does_not_hold_up_the_others_for_ever() {
        let here = endpoint("http://a/v3");
        let scout = Scout::default();
        let _turn = scout.turn(&here).await.unwrap();
        assert!(scout.turn(&here).await.unwrap().is_none());
    }
}
