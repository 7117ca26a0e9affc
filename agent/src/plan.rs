//! What the agent is about to do, as one value that orders change. Pure.
//!
//! Orders come from the operating system's signals and from the launcher; who said it does not
//! matter. Stopping is never taken back; a drain is, because an upgrade may fail.

use std::fmt;

use agent_worker::Wanted;
use shared_handover::message::Phase;

/// Something that changes the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Run this many workers. Ends standby, takes back a drain.
    Accept(u32),
    /// Take no more jobs, end after the running ones; may be taken back.
    Drain,
    /// The same, for good.
    Stop,
    /// Stop the running jobs too.
    Cancel,
    /// A signal. The first means to stop, whoever else has said so already: a launcher's own end
    /// makes the bootstrapper say it once more. The next ones: cancel, then end at once.
    Escalate,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept(0) => f.write_str("stand by without workers"),
            Self::Accept(slots) => write!(f, "take jobs with {slots} workers"),
            Self::Drain => f.write_str("take no more jobs, a successor does"),
            Self::Stop => f.write_str("stop when the running jobs are done"),
            Self::Cancel => f.write_str("cancel the running jobs and stop"),
            Self::Escalate => f.write_str(
                "a signal asks to stop (a second one cancels jobs, a third leaves them)",
            ),
        }
    }
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Standby,
    Serving,
    Draining,
    Stopping,
    Canceling,
    Abandoning,
}

/// What the agent is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    stage: Stage,
    slots: u32,
    /// Workers to have registered before the first may connect.
    spawn: u32,
    /// How many signals have asked to stop: each means more than the one before.
    asked: u8,
}

impl Plan {
    /// Run so many workers at once.
    pub fn serve(slots: u32) -> Self {
        Self {
            stage: Stage::Serving,
            slots,
            spawn: slots,
            asked: 0,
        }
    }

    /// Wait for the first order, with so many workers registered.
    pub fn standby(spawn: u32) -> Self {
        Self {
            stage: Stage::Standby,
            slots: 0,
            spawn,
            asked: 0,
        }
    }

    /// The plan after an order.
    #[must_use]
    pub fn after(self, order: Order) -> Self {
        let stage = match (order, self.stage) {
            (Order::Accept(slots), Stage::Standby | Stage::Serving | Stage::Draining) => {
                let stage = if slots == 0 {
                    Stage::Standby
                } else {
                    Stage::Serving
                };
                return Self {
                    stage,
                    slots,
                    ..self
                };
            }
            (Order::Accept(_), stage) => stage,
            (Order::Drain, stage) => stage.max(Stage::Draining),
            (Order::Stop, stage) => stage.max(Stage::Stopping),
            (Order::Cancel, stage) => stage.max(Stage::Canceling),
            (Order::Escalate, stage) => stage.max(match self.asked {
                0 => Stage::Stopping,
                1 => Stage::Canceling,
                _ => Stage::Abandoning,
            }),
        };
        let slots = if stage >= Stage::Draining {
            0
        } else {
            self.slots
        };
        let asked = u8::from(order == Order::Escalate);
        Self {
            stage,
            slots,
            asked: self.asked.saturating_add(asked),
            ..self
        }
    }

    /// What it asks of the pool.
    pub fn wanted(self) -> Wanted {
        let registered = match self.stage {
            Stage::Standby | Stage::Serving => self.spawn,
            _ => 0,
        };
        Wanted {
            slots: self.slots,
            registered,
            end_when_empty: self.stage >= Stage::Draining,
        }
    }

    /// Whether running jobs are to be stopped.
    pub fn cancels(self) -> bool {
        self.stage >= Stage::Canceling
    }

    /// Whether the process is to end without waiting for anything.
    pub fn abandons(self) -> bool {
        self.stage == Stage::Abandoning
    }

    /// What the launcher is told.
    pub fn phase(self) -> Phase {
        match self.stage {
            Stage::Standby => Phase::Standby,
            Stage::Serving => Phase::Serving,
            Stage::Draining | Stage::Stopping | Stage::Canceling | Stage::Abandoning => {
                Phase::Draining
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(orders: &[Order]) -> Plan {
        let start = Plan::serve(2);
        orders.iter().fold(start, |plan, order| plan.after(*order))
    }

    #[test]
    fn asking_again_means_it_more_seriously() {
        use Order::Escalate;
        let seen = |orders: &[Order]| {
            let plan = after(orders);
            (plan.wanted().slots, plan.cancels(), plan.abandons())
        };
        assert_eq!(seen(&[]), (2, false, false));
        assert_eq!(seen(&[Escalate]), (0, false, false));
        assert_eq!(seen(&[Escalate, Escalate]), (0, true, false));
        assert_eq!(seen(&[Escalate, Escalate, Escalate]), (0, true, true));
        assert_eq!(seen(&[Order::Drain, Escalate]), (0, false, false));
        assert_eq!(seen(&[Order::Stop, Escalate]), (0, false, false));
        assert_eq!(seen(&[Order::Stop, Escalate, Escalate]), (0, true, false));
        assert_eq!(seen(&[Order::Cancel, Escalate]), (0, true, false));
        assert_eq!(seen(&[Order::Cancel, Escalate, Escalate]), (0, true, false));
        let thrice = [Order::Cancel, Escalate, Escalate, Escalate];
        assert_eq!(seen(&thrice), (0, true, true));
    }

    #[test]
    fn a_drain_is_taken_back_and_a_stop_is_not() {
        assert_eq!(after(&[Order::Drain, Order::Accept(2)]), Plan::serve(2));
        for stop in [Order::Stop, Order::Cancel, Order::Escalate] {
            let plan = after(&[stop, Order::Accept(3)]);
            assert_eq!(plan, after(&[stop]), "{stop:?}");
        }
    }

    #[test]
    fn standby_waits_with_workers_that_take_no_jobs_and_does_not_end() {
        let plan = Plan::standby(1);
        let wanted = Wanted {
            slots: 0,
            registered: 1,
            end_when_empty: false,
        };
        assert_eq!(plan.wanted(), wanted);
        assert_eq!(plan.phase(), Phase::Standby);
        assert_eq!(plan.after(Order::Accept(1)), Plan::serve(1));
        assert_eq!(Plan::serve(1).after(Order::Accept(0)), plan);
        assert!(plan.after(Order::Drain).wanted().end_when_empty);
    }

    fn any_order() -> impl Strategy<Value = Order> {
        prop_oneof![
            (0_u32..9).prop_map(Order::Accept),
            Just(Order::Drain),
            Just(Order::Stop),
            Just(Order::Cancel),
            Just(Order::Escalate),
        ]
    }

    proptest! {
        #[test]
        fn once_stopping_no_order_starts_a_worker(
            orders in prop::collection::vec(any_order(), 0..12),
        ) {
            let mut plan = Plan::standby(2);
            let mut stopped = false;
            for order in orders {
                plan = plan.after(order);
                stopped |= matches!(order, Order::Stop | Order::Cancel | Order::Escalate);
                let nobody = Wanted { end_when_empty: true, ..Wanted::default() };
                let ends = plan.wanted() == nobody;
                prop_assert!(!stopped || ends);
            }
        }
    }
}
