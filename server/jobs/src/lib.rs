//! What a job, a build and a worker may become next. Values and `now` in, values out.
//!
//! ```text
//! waiting ─ready─▶ scheduled ─assign─▶ assigned ─accept─▶ accepted ─start─▶ running ─finish─▶ finished
//!    │                 ▲ │                │ │                 │                │ │              ▲
//!    │                 └─┼──lease over────┘ │                 └────cancel────▶ canceling ─finish┤
//!    └──broken, canceled─┴─────canceled─────┴─────────────────────────worker gone───────────────┘
//! ```
//!
//! A job is leased to one worker at a time: between `assign` and `finish` no other worker can have
//! it, and a worker that was away too long is told no. A job that a worker accepted never goes back
//! to the queue, so no job runs twice; when its worker is gone it fails, once, and says why.
//!
//! This crate must not do I/O, read a clock or know about tables and requests.

pub mod build;
pub mod event;
pub mod host;
pub mod machine;
pub mod matching;
pub mod moment;
pub mod order;
pub mod reason;
pub mod state;
pub mod timer;
pub mod worker;

pub use build::BuildState;
pub use event::{Event, Report};
pub use host::{Admission, HostStanding};
pub use machine::{Refusal, Refused};
pub use moment::Moment;
pub use order::{Ask, Order};
pub use reason::{CancelReason, EndReason, Verdict};
pub use state::{Finished, State};
pub use worker::{Presence, Standing};
