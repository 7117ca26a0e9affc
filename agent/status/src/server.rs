//! Listening, and serving until the agent ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use agent_metrics::Prometheus;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::board::Board;
use crate::{guests, routes};

/// Between two tries to listen.
const NEXT_TRY: Duration = Duration::from_secs(5);

/// What the page says of the agent itself.
#[derive(Debug, Clone)]
pub struct AgentFacts {
    /// Its version stamp.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// The host's name.
    pub host: String,
    /// Where its workers register.
    pub endpoint: String,
}

/// A server that is about to listen.
#[derive(Debug)]
pub struct StatusServer {
    address: String,
    shared: Arc<Shared>,
}

/// What requests are answered from.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) board: Arc<Board>,
    pub(crate) prometheus: Arc<Prometheus>,
    pub(crate) facts: AgentFacts,
    /// Since when the agent runs.
    pub(crate) started: Instant,
}

impl StatusServer {
    /// A server for `address`: host and port, or `:port` for all of the host's addresses. Port 0
    /// is any free one.
    pub fn new(
        address: String,
        board: Arc<Board>,
        prometheus: Arc<Prometheus>,
        facts: AgentFacts,
    ) -> Self {
        let started = Instant::now();
        let shared = Arc::new(Shared {
            board,
            prometheus,
            facts,
            started,
        });
        Self { address, shared }
    }

    /// Listens, and answers until it is dropped. An address that cannot be had is tried again: the
    /// agent whose place this one takes may still have it. It is never worth the agent. Has to be
    /// called in a [`LocalSet`](tokio::task::LocalSet).
    pub async fn run(self) {
        let listener = self.listen().await;
        self.serve(listener).await;
    }

    /// As [`StatusServer::run`], with an address that it has.
    pub(crate) async fn serve(self, listener: TcpListener) {
        match listener.local_addr() {
            Ok(address) => tracing::info!("status page at http://{address}/status"),
            Err(error) => tracing::warn!("status page at an unknown address: {error}"),
        }
        guests::serve(listener, routes::router(self.shared)).await;
    }

    async fn listen(&self) -> TcpListener {
        let mut told = false;
        loop {
            match bind(&self.address).await {
                Ok(listener) => return listener,
                Err(error) if !told => {
                    let address = &self.address;
                    tracing::error!(
                        "no status page, cannot listen on {address}: {error}; trying on, or \
                         choose another --health-check-addr"
                    );
                    told = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(NEXT_TRY).await;
        }
    }
}

async fn bind(address: &str) -> io::Result<TcpListener> {
    let Some(port) = address.strip_prefix(':') else {
        return TcpListener::bind(address).await;
    };
    // A host may have only one of the two families.
    match TcpListener::bind(format!("[::]:{port}")).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(format!("0.0.0.0:{port}")).await
        }
        answer => answer,
    }
}
