//! `serve`: from an empty folder to a listening server, and back in order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use server_api::{Server, Settings, Sweeper};
use server_releases::Tree;
use server_store::{DataDir, Store};
use tokio::net::TcpListener;
use tracing::info;

use crate::cli::Serve;
use crate::{clock, os};

/// Threads that serve requests. Blocking work has threads of its own.
pub(crate) const THREADS: usize = 2;

/// How long requests that are under way may take after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(10);

pub(crate) async fn serve(args: &Serve, stamp: &'static str) -> Result<()> {
    let level = shared_telemetry::parse_level(&args.log_level)
        .with_context(|| format!("--log-level {:?} is no level", args.log_level))?;
    shared_telemetry::init(level, None).context("start logging")?;
    let dir = DataDir::prepare(&args.data.dir)?;
    let _held = dir.lock()?;
    let listener = listen(args.listen).await?;
    let address = listener
        .local_addr()
        .context("read the listening address")?;
    let local_url = format!("http://{address}");
    let store = Store::open(&dir)
        .await
        .with_context(|| format!("open the database in {}", dir.path().display()))?;
    let settings = Settings {
        url: args.url.clone().unwrap_or_else(|| local_url.clone()),
        ..Settings::default()
    };
    let tree = Tree::new(dir.path());
    let server = Server::new(store.clone(), tree, settings, Arc::new(clock));
    let stop = os::stop_requests().context("listen for signals")?;

    info!(version = stamp, data = %dir.path().display(), "server starts");
    dir.write_address(&local_url)?;
    info!("listening on {local_url}");
    let outcome = run(listener, &server, stop).await;
    dir.remove_address();
    store.close().await;
    outcome?;
    info!("server stopped");
    Ok(())
}

/// Serves until `stop`, then lets requests that are under way end.
async fn run(
    listener: TcpListener,
    server: &Server,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let sweeper = tokio::spawn(Sweeper::new(server.clone()).run());
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let streams = server.clone();
    let graceful = async move {
        stop.await;
        info!("stopping");
        streams.stop_streams();
        stopping.send_replace(true);
    };
    let serving = axum::serve(listener, server_api::router(server.clone()));
    let serving = serving.with_graceful_shutdown(graceful).into_future();
    let deadline = async {
        // An error means that serving ended, and with it this future.
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        end = serving => end.context("serve")?,
        () = deadline => info!("requests were cut off after {} s", DRAIN.as_secs()),
    }
    sweeper.abort();
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow!(
            "{address} is taken by another program; choose another port with --listen {}:PORT (0 takes a free one)",
            address.ip(),
        ),
        io::ErrorKind::PermissionDenied => anyhow!(
            "this user may not listen on port {}; choose one above 1023 with --listen",
            address.port(),
        ),
        _ => anyhow!(error).context(format!("listen on {address}")),
    })
}
