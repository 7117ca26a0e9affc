//! What must hold for any bytes that reach our parsers: one function for each of them, that panics
//! if it does not hold.
//!
//! The corpus beside this crate is replayed as an ordinary test; `cargo run --release -p fuzz` looks for
//! more. A function here compares with a naive model or with what was written, so that a wrong
//! answer is found and not only a crash.

mod dump;
mod mutation;
mod redactor;
mod reference;
mod script;

pub use mutation::Mutation;

/// Something that takes bytes from outside.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of its folder in the corpus.
    pub name: &'static str,
    /// Panics if these bytes break a promise.
    pub check: fn(&[u8]),
    /// What such bytes are made of; it makes mutations meaningful.
    pub words: &'static [&'static str],
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "dump",
        check: dump::check,
        words: dump::WORDS,
    },
    Target {
        name: "redactor",
        check: redactor::check,
        words: redactor::WORDS,
    },
    Target {
        name: "reference",
        check: reference::check,
        words: reference::WORDS,
    },
];

/// Longer inputs are cut to this many bytes: the models are slow on purpose.
pub const LONGEST: usize = 12 * 1024;
