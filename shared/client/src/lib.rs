//! The Agent API over HTTP: requests, retries, tokens.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use shared_client::{Client, Endpoint, Transport};
//! use shared_protocol::Secret;
//!
//! let transport = Transport::new("0.1.0")?; // one for the process
//! let endpoint = Endpoint::parse("https://agent.buildkite.com/v3")?;
//! let client = Client::new(transport, endpoint, Secret::new("registration token"));
//! let registered = client.register(&Default::default()).await?;
//! let worker = client.for_worker(&registered)?;
//! worker.connect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! What a call does after a failure is data ([`routes`]) read by a pure machine ([`retry`]). This
//! crate decides nothing about workers or jobs: it hands out answers and errors that tell a refusal
//! from a passing trouble.

pub mod retry;
pub mod routes;

mod answer;
mod calls;
mod client;
mod endpoint;
mod error;
mod headers;
mod json;
mod pacing;
mod requests;
mod stream;
mod transport;

pub use client::Client;
pub use endpoint::Endpoint;
pub use error::{ClientError, EndpointError, Local, Silence};
pub use pacing::{Pacing, RealPacing};
pub use requests::REQUESTS;
pub use stream::{Cleartext, Lane, Stream};
pub use transport::{Transport, TransportError, user_agent};
