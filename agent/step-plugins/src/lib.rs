//! Plugins of steps: references to them, the variables their configuration becomes, the rules of
//! their definitions, and their archives.
//!
//! It starts no process and clones nothing; the executor does.
