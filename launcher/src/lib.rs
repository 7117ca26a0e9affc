//! Tier 2: keeps one agent running and switches versions.
