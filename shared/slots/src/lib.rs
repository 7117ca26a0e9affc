//! Immutable store, pointer pages, trial counter, clean-up.
