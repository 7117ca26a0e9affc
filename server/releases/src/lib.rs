//! The signed release tree: keys, publish, layout.
