//! Streaming redaction of secrets over bytes. Pure.
