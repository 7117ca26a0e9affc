//! Children of the agent: PTY, sessions, signals, grace.
