//! Twin of the agent's main, built together with the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    agent::main(env!("CARGO_PKG_VERSION"))
}
