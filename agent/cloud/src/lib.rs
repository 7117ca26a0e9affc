//! What the agent needs of clouds, without their SDKs: credentials, signed calls, public keys of
//! key services.
//!
//! Used when the agent starts, by tags and by signature verification; never while a job runs. It
//! reads what the environment, files and metadata services say, and writes nothing.

pub mod imds;

mod cause;

pub use cause::cause_of;
pub use imds::{Imds, ImdsError};
