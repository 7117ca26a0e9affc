//! How long a canceled job has. The peer's version 3 counts the whole and how much of it is the
//! command's; its version 4 counts the command's time and the time after it.

use std::time::Duration;

use super::{BadValue, Values};

/// Seconds for a canceled job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// In all.
    pub whole: u64,
    /// For its command; less than the whole.
    pub signal: u64,
}

const WHOLE: &str = "cancel-grace-period";
const SIGNAL: &str = "signal-grace-period-seconds";
const SIGNAL_4: &str = "cancel-signal-timeout";
const CLEANUP_4: &str = "cancel-cleanup-timeout";

/// Settings of version 3 win: whoever keeps one file for both versions has both.
pub(super) fn grace(values: &Values<'_>) -> Result<Grace, BadValue> {
    let later = [SIGNAL_4, CLEANUP_4].iter().any(|name| values.is_set(name));
    let earlier = [WHOLE, SIGNAL].iter().any(|name| values.is_set(name));
    if later && !earlier {
        let signal = seconds(values, SIGNAL_4, 10)?;
        let cleanup = seconds(values, CLEANUP_4, 5)?;
        let whole = signal.checked_add(cleanup).filter(|whole| *whole > signal);
        return match whole {
            Some(whole) => Ok(Grace { whole, signal }),
            None => {
                Err(values.complain(CLEANUP_4, "leaves a canceled job no time; make it longer"))
            }
        };
    }
    let whole = values.number(WHOLE)?;
    let signal = values.signed(SIGNAL)?;
    // A negative number counts from the end of the whole.
    let signal = if signal < 0 {
        whole.checked_sub(signal.unsigned_abs())
    } else {
        let signal = u64::try_from(signal).ok();
        signal.filter(|signal| *signal < whole)
    };
    let problem = "leaves no time within the cancel grace period; make that longer";
    match signal {
        Some(signal) => Ok(Grace { whole, signal }),
        None => Err(values.complain(SIGNAL, problem)),
    }
}

/// Whole seconds, rounded up; jobs are told of no others.
fn seconds(values: &Values<'_>, name: &str, default: u64) -> Result<u64, BadValue> {
    if !values.is_set(name) {
        return Ok(default);
    }
    let time = values.duration(name)?;
    let more = u64::from(time > Duration::from_secs(time.as_secs()));
    Ok(time.as_secs().saturating_add(more))
}
