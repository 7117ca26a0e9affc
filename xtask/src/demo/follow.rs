//! The log of a build on the terminal while it grows.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::chain::Api;

/// Time between two looks at the build.
const LOOK: Duration = Duration::from_millis(200);

/// Looks before the demo gives up: three minutes.
const MOST_LOOKS: u32 = 900;

/// Prints the logs of all jobs in order until the build is finished. `running` hears of each job,
/// by its label, once the job has printed something.
pub(super) async fn until_finished(
    api: &Api,
    pipeline: &str,
    number: u64,
    mut running: impl FnMut(&str) -> Result<()>,
) -> Result<()> {
    let mut place = Place::default();
    for _ in 0..MOST_LOOKS {
        let jobs = api.jobs(pipeline, number).await?;
        while let Some(job) = jobs.get(place.job) {
            let label = job["name"].as_str().unwrap_or_default();
            let id = job["id"].as_str().context("a job has an id")?;
            let bytes = api.log(pipeline, number, id, place.printed).await?;
            if place.printed == 0 && !bytes.is_empty() {
                println!("\n── {label} ──");
            }
            place.printed += bytes.len();
            show(&bytes)?;
            if place.printed > 0 {
                running(label)?;
            }
            if !is_final(job) {
                break;
            }
            place = Place {
                job: place.job + 1,
                printed: 0,
            };
        }
        if place.job == jobs.len() {
            println!();
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!("the build did not end within {} s", MOST_LOOKS / 5)
}

/// How far the logs are printed.
#[derive(Debug, Default)]
struct Place {
    /// Number of the job in its build.
    job: usize,
    /// Bytes of its log.
    printed: usize,
}

fn is_final(job: &Value) -> bool {
    !job["finished_at"].is_null()
}

fn show(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(&without_marks(bytes))?;
    out.flush().context("write to the terminal")
}

/// Takes out the time marks (`ESC _ bk;t=… BEL`), which terminals do not know.
fn without_marks(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\x1b_") {
        out.extend_from_slice(&rest[..at]);
        rest = rest[at..]
            .iter()
            .position(|&byte| byte == 7)
            .map_or(&[][..], |end| &rest[at + end + 1..]);
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_everything_else_stays() {
        assert_eq!(
            without_marks(b"\x1b_bk;t=1\x07one\r\n\x1b_bk;t=2\x07\x1b[31mtwo"),
            b"one\r\n\x1b[31mtwo"
        );
        assert_eq!(without_marks(b"plain"), b"plain");
    }
}
