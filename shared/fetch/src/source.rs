//! One source and its mirrors: which address is asked, and which not again.

use reqwest::Url;
use tracing::debug;

use crate::download::Wanted;
use crate::error::shown;
use crate::{FetchError, Fetcher};

/// How often the mirrors of a source are asked in turn while connections break off that brought
/// bytes: each goes on where the last one stopped.
const ROUNDS: usize = 5;

/// What the mirrors of an order have been like so far.
#[derive(Debug, Default)]
pub(crate) struct Mirrors {
    /// Addresses that have other bytes than those that are wanted.
    spoiled: Vec<String>,
    /// Servers that asked to be left alone; they are, for the rest of the order.
    resting: Vec<String>,
}

impl Mirrors {
    fn may_be_asked(&self, url: &str) -> bool {
        let rests = server_of(url).is_some_and(|server| self.resting.contains(&server));
        !rests && !self.spoiled.iter().any(|spoiled| spoiled == url)
    }

    fn learn(&mut self, url: &str, error: &FetchError) {
        if error.is_wrong_bytes() {
            self.spoiled.push(url.to_owned());
        }
        if error.retry_after().is_some() {
            self.resting.extend(server_of(url));
        }
    }
}

impl Fetcher {
    /// Completes a partial file from the first of these mirrors that can: its address, and how many
    /// bytes of earlier tries were of use. `received` hears of all bytes that come; the error is the
    /// one that says most, or `None` when no mirror may be asked.
    pub(crate) async fn gather(
        &self,
        urls: &[String],
        want: Wanted<'_>,
        mirrors: &mut Mirrors,
        received: &mut (dyn FnMut(&str, u64) + Send),
        seen: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(String, u64), Option<FetchError>> {
        let mut worst = None;
        for _ in 0..ROUNDS {
            let mut moved = false;
            for url in urls {
                if !mirrors.may_be_asked(url) {
                    continue;
                }
                let mut attempt = self.attempt(url, want, seen).await;
                received(url, attempt.received);
                if attempt.dropped {
                    // What was wrong may have been ours; the address gets one clean try.
                    attempt = self.attempt(url, want, seen).await;
                    received(url, attempt.received);
                }
                let error = match attempt.result {
                    Ok(resumed) => return Ok((url.clone(), resumed)),
                    Err(error @ FetchError::Disk { .. }) => return Err(Some(error)),
                    Err(error) => error,
                };
                debug!(url = shown(url), %error, "a mirror failed");
                mirrors.learn(url, &error);
                moved |= attempt.received > 0 && matches!(error, FetchError::BrokenOff { .. });
                worst = Some(match worst {
                    Some(worst) if weight(&worst) >= weight(&error) => worst,
                    _ => error,
                });
            }
            if !moved {
                break;
            }
        }
        Err(worst)
    }
}

/// Which error the caller hears of: wrong bytes cost traffic each time, so they say most; then a
/// server's wish to be left alone.
fn weight(error: &FetchError) -> u8 {
    match error {
        error if error.is_wrong_bytes() => 2,
        error if error.retry_after().is_some() => 1,
        _ => 0,
    }
}

/// Scheme, host and port.
fn server_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(url.origin().ascii_serialization())
}
