//! Plugins of steps: references to them, the variables their configuration becomes, the rules of
//! their definitions, and their archives.
//!
//! It starts no process and clones nothing; the executor does. Whatever comes in was written by
//! strangers: a text that cannot be used is an error that says so, never a panic.

mod address;
mod archive;
mod definition;
pub mod json;
mod list;
mod reference;
mod variables;

pub use address::AddressError;
pub use archive::{ARCHIVE_BYTES, ArchiveError, digest, unpack};
pub use definition::{DEFINITION_BYTES, DEFINITIONS, Definition, DefinitionError};
pub use list::{ListError, Wanted, parse_list};
pub use reference::{Archive, MOST_BYTES, Reference, ReferenceError, Source};
pub use variables::{Renamed, Variables, variables};
