//! Tasks of this repository: demo, ci, layers, shape, crates.

fn main() {}
