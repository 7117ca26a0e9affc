//! Tier 3: the binary: command line, configuration, wiring.

fn main() {}
