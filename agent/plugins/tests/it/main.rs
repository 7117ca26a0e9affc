//! Plugins through the public surface: archives made byte by byte, real folders, and libraries that
//! the system's C compiler makes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod archives;
mod folders;
mod libraries;
mod zip_bytes;
