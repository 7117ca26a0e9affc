//! Children and trees of processes for the tiers: start, wait, signal, kill.
