//! Deltas between two builds of a file: made by the publisher, applied by hosts.
