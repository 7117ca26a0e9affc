//! The C interface between the agent and its native plugins.
