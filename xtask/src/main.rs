//! Tasks of this repository. `cargo xtask --help` lists them.
//!
//! Nothing here is part of the product, and no crate of the product is used here: a task sees the
//! product as a user does, through its binaries and its HTTP interface.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task talks to the terminal"
)]

mod bench;
mod cargo;
mod chain;
mod ci;
mod crates;
mod cross;
mod debian;
mod demo;
mod docs;
mod layers;
mod points;
mod shape;
mod soak;
mod tidy;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of this repository.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything, run a real pipeline on three tiers, and upgrade them meanwhile.
    Demo(demo::Args),
    /// Measure the figures of BENCHMARKS.md on release builds.
    Bench(bench::Args),
    /// Everything a change must pass: format, lints, structure, tests, demo.
    Ci(ci::Args),
    /// Check that crates depend only on what docs/layers.toml allows.
    Layers,
    /// Check the bootstrapper's dependencies and size, and the forbidden dependencies of all tiers.
    Shape {
        /// Write the present dependency lists to tests/shape instead of comparing with them.
        #[arg(long)]
        bless: bool,
    },
    /// Check the platform code of Windows and macOS with Debian's toolchain.
    Cross,
    /// Check that every call to the operating system stands behind a fault point of its own.
    Points {
        /// Print each point with its place.
        #[arg(long)]
        list: bool,
    },
    /// Strike every fault point with every fault, on real processes, and count who survives.
    Torture(torture::Args),
    /// Run many short jobs on many workers, and look for what is lost and what is left.
    Soak(soak::Args),
    /// Check file sizes, file names and module heads.
    Tidy,
    /// Print the list of crates in the README, or check it.
    Crates {
        /// Fail if the README holds another list.
        #[arg(long)]
        check: bool,
    },
    /// Check that docs/configuration.md lists what the agent reads.
    Docs {
        /// Write it instead.
        #[arg(long)]
        write: bool,
    },
}

fn main() -> ExitCode {
    let outcome = match Args::parse().task {
        Task::Demo(args) => demo::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Ci(args) => ci::run(&args),
        Task::Layers => layers::check(),
        Task::Shape { bless } => shape::check(bless),
        Task::Cross => cross::run(),
        Task::Points { list } => points::check(list),
        Task::Torture(args) => torture::run(&args),
        Task::Soak(args) => soak::run(&args),
        Task::Tidy => tidy::check(),
        Task::Crates { check } => crates::run(check),
        Task::Docs { write } => docs::run(write),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
