//! How a host without a registration token comes to have one of its own: it keeps an identity in a
//! file, asks the endpoint to be let in, and waits until a person or a key has done so.
//!
//! ```text
//! identity file ─▶ ask ──in──▶ register with the identity's secret
//!                   ▲ │ not yet, no answer: again after a while
//!                   │ │ another's, a copy: a new identity
//!                   └─┘
//! ```
//!
//! Used before workers register, by agents that have no token. Only Trireme's server answers it
//! ([`shared_protocol::enroll`]). What to do next is decided by a pure function ([`step`]); the
//! rest reads a file, asks and waits.

pub mod boot;
pub mod identity;
pub mod properties;
pub mod step;

mod enroll;
mod space;

pub use enroll::{EnrollError, Enrollment, Facts};
pub use identity::{Identity, IdentityError, IdentityFile};
