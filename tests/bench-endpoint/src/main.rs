//! An endpoint for benchmarks of the agent alone: it registers any worker, hands out jobs, takes
//! their logs, and counts. `cargo xtask bench` starts it.
//!
//! `bench-endpoint serve` prints its URL, then a line of JSON ([`script::Summary`]) when the last of
//! its jobs has finished, and another one when its standard input ends; then it ends itself.
//! `bench-endpoint print BYTES` is the command of a job with a large log, so that the endpoint knows
//! what must arrive. `bench-endpoint ping ADDRESS` sends pings with as little as there is.

mod floor;
mod log;
mod routes;
mod script;
mod text;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use axum::serve::ListenerExt as _;
use clap::Parser;
use tokio::sync::Notify;

use crate::script::{Plan, Script};

#[derive(Parser)]
enum Arguments {
    /// Serve until standard input ends.
    Serve(Plan),
    /// Print so many bytes of text as builds print it.
    Print {
        /// How many.
        bytes: u64,
    },
    /// Ping an endpoint fifty times a second until it is gone.
    Ping {
        /// Address and port.
        address: String,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse() {
        Arguments::Serve(plan) => serve(plan),
        Arguments::Ping { address } => floor::ping(&address),
        Arguments::Print { bytes } => text::print(bytes, &mut io::stdout().lock()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Serves on one thread, and leaves the other processor to the agent.
fn serve(plan: Plan) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        tell(&format!("http://{}/v3", listener.local_addr()?))?;
        let script = Arc::new(Mutex::new(Script::new(plan)));
        let finished = Arc::new(Notify::new());
        let counted = Arc::clone(&script);
        let listener = listener.tap_io(move |stream| {
            // Small answers leave at once, as from any real server.
            let _ = stream.set_nodelay(true);
            routes::lock(&counted).connected();
        });
        let router = routes::router(Arc::clone(&script), Arc::clone(&finished));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let over = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
        tokio::select! {
            _ = over => {}
            () = async {
                finished.notified().await;
                let _ = tell(&routes::lock(&script).summary());
                std::future::pending::<()>().await;
            } => {}
        }
        tell(&routes::lock(&script).summary())
    })
}

fn tell(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
