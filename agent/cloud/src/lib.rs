//! What the agent needs of clouds, without their SDKs: credentials, signed calls, public keys of
//! key services.
//!
//! Used when the agent starts, by tags and by signature verification; never while a job runs. It
//! reads what the environment, files and metadata services say, and writes nothing.

pub mod aws;
pub mod imds;
pub mod kms;
pub mod surroundings;

mod cause;
mod error;
mod google;

pub use cause::cause_of;
pub use error::CloudError;
pub use imds::{Imds, ImdsError};
