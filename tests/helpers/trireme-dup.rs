//! Twin of the operators' command's main, built together with the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    trireme::main(env!("CARGO_PKG_VERSION"))
}
