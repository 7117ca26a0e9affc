//! Resumable download to a file of known size and digest.
