//! The signed description of a release: trust root, manifest, and the rules of trusting them.
//!
//! Who are the two? The server's publisher signs, the launcher verifies. A document travels as an
//! envelope `{"payload":"<base64>","sigs":[{"kid","sig"}]}`; the signatures cover the payload's
//! bytes as transported, so nothing is ever re-serialised to be checked. The shape is that of The
//! Update Framework (<https://theupdateframework.github.io/specification/latest/>), cut down to two
//! roles and one document: thresholds of distinct keys, monotonic serials, expiry, size caps.
//!
//! Reading a manifest takes these steps, in this order, and the types allow no other:
//!
//! 1. [`Root::from_trusted`] reads the root file that was installed with the host.
//! 2. [`Root::verify_manifest`] counts signatures of the release role, then parses the payload.
//! 3. [`Manifest::may_follow`] refuses what is older than what was seen before.
//! 4. [`Manifest::is_fresh`] says whether it may still be *adopted*. It never stops what is
//!    installed from running.
//!
//! No I/O, no clock, no randomness: bytes, `now` and seeds are passed in.

mod envelope;
mod error;
mod follow;
mod key;
mod manifest;
mod root;

pub use error::Error;
pub use follow::{Seen, adoption_time};
pub use key::Keypair;
pub use manifest::{Downgrade, Manifest, Release, Target};
pub use root::{Role, Root, RootDraft};

pub use envelope::{MAX_SIGNED, sign};
