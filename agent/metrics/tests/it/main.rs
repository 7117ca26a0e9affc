//! What observers make of events.

mod prometheus;
