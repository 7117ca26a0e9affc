//! Locks of the host, as clients use them: a mutex and work that is done once, both made of reading
//! a lock and swapping its value. The values are the peer's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared_protocol::id::path_segment;
use tokio::time::{Instant, sleep};

use super::{Call, CallError};
use crate::agent_api::LEADER;

/// Between two looks at a lock that somebody else has.
const POLL: Duration = Duration::from_millis(100);
/// For one request. A leader that hangs has a successor well before, which knows nothing of what the
/// first one still does with this request; asking again earlier, `begin` might find its own claim
/// there and wait for itself.
const PATIENCE: Duration = Duration::from_secs(12);
/// How long it is tried to find a leader that listens. After one that died there is a successor
/// sooner than that.
const SEARCH: Duration = Duration::from_secs(1);
/// The same if there is one that says nothing; it may have hung.
const LONG_SEARCH: Duration = Duration::from_secs(15);

const DOING: &str = "doing";
const DONE: &str = "done";

/// The locks of a host.
pub struct Locks {
    leader: PathBuf,
}

/// Who does what is to be done once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once {
    /// The caller.
    Do,
    /// It is done.
    Done,
}

/// Why a lock does not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// There is no agent that keeps locks.
    #[error("{0}; locks need an agent started with --experiment agent-api")]
    NoLeader(#[source] CallError),
    /// The leader refuses.
    #[error(transparent)]
    Call(CallError),
    /// Somebody else had it all the time.
    #[error("the lock {0:?} was not free in time")]
    TimedOut(String),
    /// It is not in the state that this needs.
    #[error("the lock {key:?} is {value:?}, not {wanted:?}")]
    Unexpected {
        /// The lock.
        key: String,
        /// What it is.
        value: String,
        /// What it should be.
        wanted: String,
    },
    /// The system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

#[derive(Deserialize)]
struct Seen {
    value: String,
}

#[derive(Deserialize)]
struct Swap {
    value: String,
    swapped: bool,
}

/// What to do about work that is done once, by the value of its lock.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Claim,
    Wait,
    Done,
    Unexpected,
}

fn step(value: &str) -> Step {
    match value {
        "" => Step::Claim,
        DOING => Step::Wait,
        DONE => Step::Done,
        _ => Step::Unexpected,
    }
}

impl Locks {
    /// The locks that the agents of this folder of sockets keep.
    pub fn new(sockets: &Path) -> Self {
        Self {
            leader: sockets.join(LEADER),
        }
    }

    /// The value of a lock; empty for one that nobody has.
    pub async fn get(&self, key: &str) -> Result<String, LockError> {
        let seen: Seen = self.call(Method::GET, key, None).await?;
        Ok(seen.value)
    }

    /// Waits until the lock is free, at most so long, and takes it; answers the token that frees it.
    pub async fn acquire(&self, key: &str, limit: Option<Duration>) -> Result<String, LockError> {
        let token = token(std::process::id())?;
        let deadline = limit.map(|limit| Instant::now() + limit);
        loop {
            let swap = self.swap(key, "", &token).await?;
            // Its own token: the lock was taken, but the answer to that was lost.
            if swap.swapped || swap.value == token {
                return Ok(token);
            }
            wait(key, deadline).await?;
        }
    }

    /// Frees a lock.
    pub async fn release(&self, key: &str, token: &str) -> Result<(), LockError> {
        let swap = self.swap(key, token, "").await?;
        expect(swap, key, token)
    }

    /// Whether the caller is to do the work, or, after waiting at most so long, somebody has.
    pub async fn begin(&self, key: &str, limit: Option<Duration>) -> Result<Once, LockError> {
        let deadline = limit.map(|limit| Instant::now() + limit);
        let mut value = self.get(key).await?;
        loop {
            match step(&value) {
                Step::Claim => {
                    let swap = self.swap(key, "", DOING).await?;
                    if swap.swapped {
                        return Ok(Once::Do);
                    }
                    value = swap.value;
                }
                Step::Wait => {
                    wait(key, deadline).await?;
                    value = self.get(key).await?;
                }
                Step::Done => return Ok(Once::Done),
                Step::Unexpected => {
                    let (key, wanted) = (key.to_owned(), DOING.to_owned());
                    return Err(LockError::Unexpected { key, value, wanted });
                }
            }
        }
    }

    /// The caller did the work.
    pub async fn end(&self, key: &str) -> Result<(), LockError> {
        let swap = self.swap(key, DOING, DONE).await?;
        expect(swap, key, DOING)
    }

    async fn swap(&self, key: &str, old: &str, new: &str) -> Result<Swap, LockError> {
        let body = json!({ "old": old, "new": new });
        self.call(Method::PATCH, key, Some(body)).await
    }

    /// Asks the leader, whoever that is by then.
    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        key: &str,
        body: Option<Value>,
    ) -> Result<T, LockError> {
        let path = format!("/api/leader/v0/lock/?key={}", path_segment(key));
        let begun = Instant::now();
        loop {
            let call = Call {
                socket: &self.leader,
                patience: PATIENCE,
                method: method.clone(),
                path: &path,
                token: None,
                body: body.clone(),
            };
            let error = match call.send().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let search = match &error {
                CallError::Unreachable { .. } => SEARCH,
                CallError::Broken { .. } | CallError::Silent(_) => LONG_SEARCH,
                CallError::Refused { .. } | CallError::Nonsense(_) => {
                    return Err(LockError::Call(error));
                }
            };
            if begun.elapsed() >= search {
                return Err(LockError::NoLeader(error));
            }
            sleep(POLL).await;
        }
    }
}

fn expect(swap: Swap, key: &str, wanted: &str) -> Result<(), LockError> {
    if swap.swapped {
        return Ok(());
    }
    let (key, wanted) = (key.to_owned(), wanted.to_owned());
    Err(LockError::Unexpected {
        key,
        value: swap.value,
        wanted,
    })
}

/// Only here a wait is given up: between two requests nobody holds anything.
async fn wait(key: &str, deadline: Option<Instant>) -> Result<(), LockError> {
    if deadline.is_some_and(|deadline| Instant::now() + POLL > deadline) {
        return Err(LockError::TimedOut(key.to_owned()));
    }
    sleep(POLL).await;
    Ok(())
}

/// The value of a mutex that this process has; nobody else can guess it.
fn token(pid: u32) -> Result<String, getrandom::Error> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret)?;
    let secret = u128::from_be_bytes(secret);
    Ok(format!("acquired(pid={pid},otp={secret:032x})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_claimed_waited_for_or_done() {
        for (value, wanted) in [
            ("", Step::Claim),
            ("doing", Step::Wait),
            ("done", Step::Done),
            ("acquired(pid=1,otp=0)", Step::Unexpected),
        ] {
            assert_eq!(step(value), wanted, "{value}");
        }
    }

    #[test]
    fn a_token_has_the_form_of_the_peer_and_is_never_the_same() {
        let (one, other) = (token(77).expect("random"), token(77).expect("random"));
        assert_ne!(one, other);
        let otp = one
            .strip_prefix("acquired(pid=77,otp=")
            .and_then(|rest| rest.strip_suffix(')'));
        let otp = otp.expect("form");
        assert!(
            otp.len() == 32 && otp.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{otp}"
        );
    }
}
