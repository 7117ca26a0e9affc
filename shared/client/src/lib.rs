//! The Agent API over HTTP: requests, retries, tokens.
