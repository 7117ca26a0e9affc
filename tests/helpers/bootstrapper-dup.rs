//! Twin of the bootstrapper's main, built together with the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    bootstrapper::main(env!("CARGO_PKG_VERSION"))
}
