//! Tier 1: starts the launcher its slot names, for ever.

fn main() {}
