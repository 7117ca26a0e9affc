//! What a hook is: where it is found, what runs it, and what it changed in the environment.
//!
//! Pure but for reading folders and the first bytes of files. It starts no process; the executor does.

mod name;
pub mod windows;

pub use name::{Name, Scope};
