//! What a hook is: where it is found, what runs it, and what it changed in the environment.
//!
//! Pure but for reading folders and the first bytes of files. It starts no process; the executor does.

mod difference;
mod direct;
mod dump;
mod find;
mod kind;
mod name;
mod startup;
pub mod windows;
mod wrapper;

pub use difference::{Change, difference};
pub use direct::words;
pub use dump::{Dump, DumpError};
pub use find::{FindError, Found, find, find_of_agent};
pub use kind::{Kind, Shebang};
pub use name::{Name, Scope};
pub use startup::changes_environment;
pub use wrapper::{BASH, Posix, WORKING_DIR};
