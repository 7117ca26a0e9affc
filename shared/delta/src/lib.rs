//! Deltas between two builds of a file: made by the publisher, applied by hosts.
//!
//! A host has the old file and fetches a patch that is a few percent of the new one. Nobody vouches
//! for a patch but its digest, so applying treats it as hostile: it never panics, never writes more
//! than the promised size, ends within work that grows with the sizes of its inputs only, and says
//! in one line what was wrong. Whether the *result* is right is not judged here: the caller
//! compares its digest, and nothing else counts.
//!
//! Memory while applying, at most:
//!
//! | what | bound |
//! |---|---|
//! | [`apply`] bsdiff4 | old + patch + 13 MiB (three bzip2 decoders and their buffers) |
//! | [`apply`] zstd | old + patch + the power of two that holds old and new |
//! | [`decode_zstd`] | patch + 8 MiB (the window of level 19) + 1 MiB |
//!
//! [`child`] runs the same in a process of its own whose memory the system limits, so that even a
//! flaw in a decoder costs the caller nothing but this one try.
//!
//! The publisher's side, `create` and `encode_zstd`, stands behind the feature `create`.

mod algorithm;
mod apply;
mod bspatch;
pub mod child;
#[cfg(feature = "create")]
mod create;
mod error;
mod os;
mod output;
mod unzstd;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use apply::{apply, decode_zstd};
#[cfg(feature = "create")]
pub use create::{create, encode_zstd};
pub use error::{DeltaError, Kind};
