//! A log file with a size cap, for all three tiers.
