//! What an operator can ask a host, and what a host says of itself.
//!
//! Who are the two? The launcher, which answers, and the command `trireme`, which asks. Their
//! documents, all JSON:
//!
//! * [`Request`] and [`Reply`] go as lines over the launcher's control socket ([`line`]);
//! * [`Policy`] is `policy.json`: when this host may adopt a release, and which one;
//! * [`Event`] is a line of `events.jsonl`: a transition of an upgrade;
//! * [`Status`] is `status.json`: what the host is doing. It is derived and rewritten, for people
//!   and collectors; no program of ours reads it back to decide anything.
//!
//! All of it is additive: fields are added, never renamed or given another meaning, and both sides
//! survive fields and variants they do not know. No I/O, no clock: `now` is passed in.

pub mod event;
pub mod line;
pub mod policy;
pub mod reply;
pub mod request;
pub mod status;

mod component;
mod decide;
mod window;

pub use decide::{Decision, Never, Wait};
pub use event::Event;
pub use line::{BadLine, MAX_REPLY, MAX_REQUEST};
pub use policy::{Policy, PolicyError};
pub use reply::{Answer, RefusedFor, Reply};
pub use request::{Request, Retry};
pub use status::Status;
