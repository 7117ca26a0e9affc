//! The signed description of a release: trust root, manifest, and the rules of trusting them.
//!
//! Who are the two? The server's publisher signs, the launcher verifies. A document travels as an
//! envelope `{"payload":"<base64>","sigs":[{"kid","sig"}]}`; the signatures cover the payload's
//! bytes as transported, so nothing is ever re-serialised to be checked. The shape is that of The
//! Update Framework (<https://theupdateframework.github.io/specification/latest/>), cut down to two
//! roles and one document: thresholds of distinct keys, monotonic serials, expiry, size caps.
//!
//! # What a host does
//!
//! ```text
//! at the start   Root::from_trusted(oldest kept root)      built in, or laid down at installation
//!                root.follow(next kept root) …             every root is kept, as <N>.root.json
//! a manifest     root.accept(bytes, channel, seen)         signatures, form, channel, rollback
//!   Err(RootBehind | Signatures) ─▶ walk, then once more
//!                seen = Seen::of / seen.then(&manifest)    to be kept before anybody acts on it
//! a walk         Walk::from(root) ─▶ next_version() ─▶ fetch v1/roots/<N>.root.json ─▶ step(bytes) …
//!                                                          a 404 ends it; keep each root it passed
//! adoption       manifest.freshness(seen, clocks)          only this looks at expiry
//!                manifest.next_hop(wish)                   which version next, for a host of any age
//! ```
//!
//! 1. [`Root::from_trusted`] reads a root that is trusted because of where it lies, and
//!    [`Root::follow`] goes on from it: exactly one version up, signed by a threshold of the old and
//!    of the new root keys. A root's expiry stops nothing. [`Walk`] bounds the steps that a server
//!    can ask for; replaying roots that were kept needs no bound.
//! 2. [`Root::accept`] counts signatures of the release role, parses, and refuses what falls behind
//!    [`Seen`]: an older serial, a component that goes back without a signed permission. A root may
//!    reset a channel, after which older marks, and manifests signed under older roots, count for
//!    nothing; so the roots must be replayed, not only the newest be kept.
//! 3. [`Manifest::freshness`] says whether it may still be *adopted*. It never stops what is
//!    installed from running.
//! 4. [`Manifest::next_hop`] picks one of the listed versions: through barriers, from a minimum,
//!    to the newest or to a pinned one, down only by a signed permission, never to a revoked file.
//!    After it is installed the host asks again. [`Manifest::plugins_of`] finds what belongs to an
//!    agent.
//!
//! # Bounds
//!
//! A document has at most [`MAX_SIGNED`] bytes and 16 levels, no key twice in one object, and every
//! list in it has a limit; a file has at most [`MAX_FILE`] bytes. Unknown fields, encodings and
//! components are ignored. Hex has one spelling. Keys of small order are no keys.
//!
//! No I/O, no clock, no randomness: bytes, `now` and seeds are passed in.

mod draft;
mod envelope;
mod error;
mod follow;
mod fresh;
mod hop;
mod key;
mod manifest;
mod names;
mod root;
mod strict;
mod target;
mod walk;
mod wire;

pub use draft::{RootDraft, RootPlan};
pub use envelope::{MAX_SIGNED, seal, sign};
pub use error::Error;
pub use follow::Seen;
pub use fresh::{Clocks, Freshness, HEALING};
pub use hop::{Blocked, Hop, Installed, Wish};
pub use key::{Keypair, PublicKey, Signature};
pub use manifest::{Downgrade, Manifest, Release};
pub use root::{Role, Root};
pub use target::{Delta, Encoded, MAX_FILE, Target};
pub use walk::{MAX_WALK, Walk};
