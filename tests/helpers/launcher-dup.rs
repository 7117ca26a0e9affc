//! Twin of the launcher's main, built together with the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    launcher::main(env!("CARGO_PKG_VERSION"))
}
