//! The streaming alternative to pings: one call, `StreamPings`, that the endpoint answers for as
//! long as it likes with what a worker is to do.
//!
//! ```text
//! Opener ──▶ PingStream ──▶ Message, Message, … ──▶ StreamError
//! ```
//!
//! gRPC is little more than HTTP/2 with an envelope around each message and a status at the end
//! ([`envelope`], [`status`], [`message`], all pure), so it goes over the connections, TLS settings,
//! proxies and headers of all other requests. When to open a stream again, and who obeys what it
//! says, is decided by the caller: this crate opens one when asked and reads it to its end.

pub mod envelope;
pub mod error;
pub mod message;
pub mod status;

mod stream;

pub use error::{Class, StreamError};
pub use message::Message;
pub use stream::{Opener, PingStream};
