//! What differs between operating systems: the same functions, one file each.

mod unix;
pub(crate) use unix::*;
