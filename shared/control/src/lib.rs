//! What an operator can ask a host, and what a host says of itself.
