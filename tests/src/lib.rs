//! Everything that needs more than one crate's binary.
