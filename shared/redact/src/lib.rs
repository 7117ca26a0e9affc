//! Hiding secrets in a stream of bytes.
//!
//! Used by the executor on everything a job writes, before a byte leaves its process, and by the
//! subcommands that send texts of a job. [`Redactor`] is the stream; [`Names`] decides by its name
//! whether a variable's value is a secret.
//!
//! Pure: no I/O, no clock, no environment. It hides what it was told and nothing else; it never
//! guesses what might be a secret.

mod names;
mod needle;
mod redactor;
mod search;

pub use names::{BadPattern, DEFAULT_NAMES, Names};
pub use needle::{Added, MIN_LENGTH};
pub use redactor::{MARK, Redactor};
