//! How a service stands, and the messages that follow from a change of it. Pure.

use std::fmt::Write as _;
use std::time::Duration;

/// Longest status, in characters: it is one line for people, and systemd drops a message above 4096
/// bytes as a whole.
const LONGEST: usize = 300;

/// How a service stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Whether it has begun to do what it is for. Once told, it counts for good.
    pub ready: bool,
    /// Whether it is about to end.
    pub stopping: bool,
    /// What it does, in a line for people; empty for one that says nothing.
    pub status: String,
    /// How long its watchdog is to wait from now on, where that is not what its unit says.
    pub patience: Option<Duration>,
}

impl Standing {
    /// The message for what is new since `told`; empty if nothing is.
    pub(crate) fn news(&self, told: &Self) -> String {
        let mut news = String::new();
        if self.ready && !told.ready {
            news.push_str("READY=1\n");
        }
        if self.stopping && !told.stopping {
            news.push_str("STOPPING=1\n");
        }
        if self.status != told.status {
            let _ = writeln!(news, "STATUS={}", one_line(&self.status));
        }
        if let Some(patience) = self.patience.filter(|_| self.patience != told.patience) {
            let _ = writeln!(news, "WATCHDOG_USEC={}", patience.as_micros());
        }
        news
    }
}

/// A line break would begin another message, with whatever the text says.
fn one_line(text: &str) -> String {
    let plain = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    text.chars().take(LONGEST).map(plain).collect()
}

/// What workers do, for people.
pub fn work(ready: u32, busy: u32) -> String {
    let workers = |count| match count {
        1 => "1 worker".to_owned(),
        count => format!("{count} workers"),
    };
    match (ready, busy) {
        (0, 0) => "no worker connected".to_owned(),
        (ready, 0) => format!("idle, {} connected", workers(ready)),
        (ready, 1) => format!(
            "1 job running, {} connected",
            workers(ready.saturating_add(1))
        ),
        (ready, busy) => {
            let all = workers(ready.saturating_add(busy));
            format!("{busy} jobs running, {all} connected")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(ready: bool, stopping: bool, status: &str, patience: u64) -> Standing {
        Standing {
            ready,
            stopping,
            status: status.to_owned(),
            patience: (patience > 0).then(|| Duration::from_secs(patience)),
        }
    }

    #[test]
    fn only_what_changes_is_told() {
        let cases = [
            (standing(false, false, "", 0), ""),
            (
                standing(false, false, "starts", 9),
                "STATUS=starts\nWATCHDOG_USEC=9000000\n",
            ),
            (standing(true, false, "idle", 9), "READY=1\nSTATUS=idle\n"),
            (standing(true, false, "idle", 9), ""),
            (standing(true, false, "idle", 3), "WATCHDOG_USEC=3000000\n"),
            (
                standing(true, true, "stopping", 3),
                "STOPPING=1\nSTATUS=stopping\n",
            ),
            (standing(false, true, "stopping", 0), ""),
        ];
        let mut told = Standing::default();
        for (now, expected) in cases {
            assert_eq!(now.news(&told), expected, "{now:?} after {told:?}");
            told = now;
        }
    }

    #[test]
    fn no_text_of_a_status_becomes_a_message_of_its_own() {
        let sly = standing(false, false, "refused\nMAINPID=1\r\n", 0);
        assert_eq!(
            sly.news(&Standing::default()),
            "STATUS=refused MAINPID=1  \n"
        );
        let long = standing(false, false, &"é".repeat(5000), 0);
        assert!(long.news(&Standing::default()).len() < 1000);
    }

    #[test]
    fn what_workers_do_reads_well() {
        for (ready, busy, text) in [
            (0, 0, "no worker connected"),
            (1, 0, "idle, 1 worker connected"),
            (3, 0, "idle, 3 workers connected"),
            (0, 1, "1 job running, 1 worker connected"),
            (2, 1, "1 job running, 3 workers connected"),
            (0, 2, "2 jobs running, 2 workers connected"),
        ] {
            assert_eq!(work(ready, busy), text);
        }
    }
}
