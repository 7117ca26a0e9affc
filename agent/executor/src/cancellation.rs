//! Cancelling a job, as a machine of values: a signal asks the running child politely, a second
//! one or the end of the grace period kills it. After the first, nothing new is started.

use std::time::Duration;

use agent_process::Signal;
use tokio::time::Instant;

/// How far the cancellation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Cancellation {
    /// Nobody asked.
    #[default]
    None,
    /// The running child was asked to end; at `kill_at` it is killed.
    Asked { by: Signal, kill_at: Instant },
    /// Whatever runs is killed.
    Killed { by: Signal },
}

/// What to do to the running child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Send the configured cancel signal.
    Interrupt,
    /// Kill it.
    Kill,
}

impl Cancellation {
    /// A signal arrived.
    pub(crate) fn on_signal(self, signal: Signal, now: Instant, grace: Duration) -> (Self, Order) {
        match self {
            Self::None => {
                let kill_at = now + grace;
                (
                    Self::Asked {
                        by: signal,
                        kill_at,
                    },
                    Order::Interrupt,
                )
            }
            Self::Asked { by, .. } | Self::Killed { by } => (Self::Killed { by }, Order::Kill),
        }
    }

    /// Time went by; an order once the grace period is over.
    pub(crate) fn on_time(self, now: Instant) -> (Self, Option<Order>) {
        match self {
            Self::Asked { by, kill_at } if now >= kill_at => {
                (Self::Killed { by }, Some(Order::Kill))
            }
            other => (other, None),
        }
    }

    /// When [`Self::on_time`] has something to say.
    pub(crate) fn wakes_at(self) -> Option<Instant> {
        match self {
            Self::Asked { kill_at, .. } => Some(kill_at),
            Self::None | Self::Killed { .. } => None,
        }
    }

    /// The signal that the executor ends by, so that the endpoint hears it: the one that canceled
    /// the job, or `SIGKILL` if asking once was not enough.
    pub(crate) fn ends_by(self) -> Option<Signal> {
        match self {
            Self::Killed { .. } => Some(Signal::KILL),
            Self::None | Self::Asked { .. } => self.by(),
        }
    }

    /// The signal that canceled the job.
    pub(crate) fn by(self) -> Option<Signal> {
        match self {
            Self::None => None,
            Self::Asked { by, .. } | Self::Killed { by } => Some(by),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(9);

    #[tokio::test(start_paused = true)]
    async fn the_first_signal_asks_and_the_end_of_the_grace_kills() {
        let now = Instant::now();
        let (stage, order) = Cancellation::None.on_signal(Signal::TERM, now, GRACE);
        assert_eq!((order, stage.by()), (Order::Interrupt, Some(Signal::TERM)));
        assert_eq!(stage.ends_by(), Some(Signal::TERM));
        assert_eq!(stage.wakes_at(), Some(now + GRACE));
        let early = now + GRACE - Duration::from_millis(1);
        assert_eq!(stage.on_time(early), (stage, None));
        let killed = Cancellation::Killed { by: Signal::TERM };
        assert_eq!(stage.on_time(now + GRACE), (killed, Some(Order::Kill)));
        assert_eq!(killed.ends_by(), Some(Signal::KILL));
        assert_eq!(
            (killed.wakes_at(), killed.on_time(now + GRACE)),
            (None, (killed, None))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_kills_at_once_and_the_first_is_remembered() {
        let now = Instant::now();
        let (stage, _) = Cancellation::None.on_signal(Signal::TERM, now, GRACE);
        let (stage, order) = stage.on_signal(Signal::INT, now, GRACE);
        assert_eq!((order, stage.by()), (Order::Kill, Some(Signal::TERM)));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_happens_by_itself() {
        assert_eq!(
            Cancellation::None.on_time(Instant::now()),
            (Cancellation::None, None)
        );
        assert_eq!(
            (Cancellation::None.by(), Cancellation::None.wakes_at()),
            (None, None)
        );
    }
}
