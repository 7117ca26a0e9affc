//! `cargo xtask ci`: everything a change must pass, in the order in which failures are cheapest.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;

use crate::{cargo, crates, debian, demo, docs, layers, points, shape, soak, tidy};

/// Everything a change must pass.
#[derive(Parser)]
pub(crate) struct Args {
    /// Leave out the demo at the end.
    #[arg(long)]
    no_demo: bool,
}

/// Where distributions put libfaketime.
const FAKETIME: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
];

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 13] = [
    ("needs", needs),
    ("format", || cargo::run(&["fmt", "--all", "--check"])),
    ("tidy", tidy::check),
    ("layers", layers::check),
    ("crates", || crates::run(true)),
    ("points", || points::check(false)),
    ("lints", || {
        cargo::run(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
    }),
    ("docs", || docs::run(false)),
    ("shape", || shape::check(false)),
    ("tests", || {
        cargo::run(&["test", "--workspace", "--no-fail-fast"])
    }),
    // The two upper tiers once more, with the points at which a test can make things fail.
    ("faults", faults),
    ("soak", || soak::run(&soak::SHORT)),
    ("torture", || cargo::run(&["xtask", "torture", "--sample"])),
];

/// Runs every step; the first failure ends it.
#[expect(
    clippy::disallowed_methods,
    reason = "the outermost loop of this process measures its steps"
)]
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut times = Vec::new();
    let mut all: Vec<Step> = STEPS.to_vec();
    if !args.no_demo {
        all.push(("demo", || demo::run(&demo::Args::default())));
    }
    for (name, step) in all {
        eprintln!("\n== {name}");
        let begun = Instant::now();
        step().with_context(|| format!("step `{name}`"))?;
        times.push(format!("{name} {:.0} s", begun.elapsed().as_secs_f64()));
    }
    println!("\nci: all green ({})", times.join(", "));
    Ok(())
}

/// The tests that make the points fail, one package after the other: a feature is on for a build.
fn faults() -> Result<()> {
    let tests = [
        ("shared-fault", "--lib", ""),
        ("bootstrapper", "--test=suite", "faults"),
        ("launcher", "--test=it", "crash"),
        ("agent", "--test=it", "crash"),
    ];
    tests.into_iter().try_for_each(|(package, target, filter)| {
        let package = ["test", "--package", package, "--features", "faults"];
        cargo::run(&[&package[..], &[target, filter]].concat())
    })
}

/// What the tests need from the machine, besides Rust itself.
fn needs() -> Result<()> {
    for (program, why) in [
        (
            "git",
            "jobs check out repositories with it; install the package `git`",
        ),
        (
            "bash",
            "the default shell of jobs; install the package `bash`",
        ),
        (
            "cc",
            "a C compiler builds SQLite and the TLS library; install the package `gcc`",
        ),
        (
            "unshare",
            "tests give hosts small disks with it; install the package `util-linux`",
        ),
        (
            "setpriv",
            "the soak's server and agent end with it; install the package `util-linux`",
        ),
    ] {
        std::process::Command::new(program)
            .arg("--version")
            .output()
            .with_context(|| format!("{program} is missing: {why}"))?;
    }
    debian::provide(&["libfaketime"], || {
        let is_there = FAKETIME.iter().any(|path| Path::new(path).exists());
        if is_there {
            vec![]
        } else {
            vec!["libfaketime, with which tests set clocks"]
        }
    })?;
    println!("needs: git, bash, a C compiler and libfaketime are there");
    Ok(())
}
