//! A collector of OpenTelemetry, for tests: it serves protobuf over HTTP and over gRPC at one
//! port of this host, and keeps what it received. It can also be ill.

mod grpc;
mod http;
mod seen;

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsServiceServer;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::MetricsServiceServer;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::TraceServiceServer;
use tonic::codec::CompressionEncoding;

pub use seen::{Call, Line, Number, Received, Seen, Texts};

/// How long tests wait for what must come.
const LONG: Duration = Duration::from_mins(5);

/// How the collector answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It takes everything.
    Well,
    /// It refuses with 503, or `UNAVAILABLE`.
    Busy,
    /// It refuses for good, with 401 or `UNAUTHENTICATED`.
    Strict,
    /// It takes the request and never answers.
    Silent,
}

#[derive(Debug)]
struct Shared {
    received: Mutex<(Health, Received)>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (Health, Received)> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call; how to answer it.
    fn called(&self, call: Call) -> Health {
        let mut state = self.lock();
        state.1.calls.push(call);
        self.changed.notify_all();
        state.0
    }

    fn keep(&self, add: impl FnOnce(&mut Received)) {
        add(&mut self.lock().1);
        self.changed.notify_all();
    }
}

/// The collector; it goes with the process that made it.
#[derive(Debug, Clone)]
pub struct Collector {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl Collector {
    /// A collector of this health.
    ///
    /// # Panics
    /// If this host has no port to give.
    pub fn start(health: Health) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            received: Mutex::new((health, Received::default())),
            changed: Condvar::new(),
        });
        let routes = routes(&shared);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let _ = axum::serve(listener, routes).await;
            });
        });
        Self { shared, address }
    }

    /// Its address, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How it answers from now on.
    pub fn is_now(&self, health: Health) {
        self.shared.lock().0 = health;
    }

    /// What it received so far.
    pub fn received(&self) -> Received {
        self.shared.lock().1.clone()
    }

    /// Waits until what it received is as wanted; answers that.
    ///
    /// # Panics
    /// If it never is.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&Received) -> bool) -> Received {
        let state = self.shared.lock();
        let missing = |state: &mut (Health, Received)| !wanted(&state.1);
        let changed = &self.shared.changed;
        let state = changed.wait_timeout_while(state, LONG, missing);
        let (state, ended) = state.unwrap_or_else(PoisonError::into_inner);
        assert!(!ended.timed_out(), "no {what}: {:?}", state.1);
        state.1.clone()
    }
}

fn routes(shared: &Arc<Shared>) -> Router {
    const SERVICES: &str = "/opentelemetry.proto.collector";
    let grpc = || grpc::Services(Arc::clone(shared));
    let gzip = CompressionEncoding::Gzip;
    http::routes(shared)
        .route_service(
            &format!("{SERVICES}.trace.v1.TraceService/Export"),
            TraceServiceServer::new(grpc()).accept_compressed(gzip),
        )
        .route_service(
            &format!("{SERVICES}.logs.v1.LogsService/Export"),
            LogsServiceServer::new(grpc()).accept_compressed(gzip),
        )
        .route_service(
            &format!("{SERVICES}.metrics.v1.MetricsService/Export"),
            MetricsServiceServer::new(grpc()).accept_compressed(gzip),
        )
}
