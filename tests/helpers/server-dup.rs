//! Twin of the server's main, built together with the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    trireme_server::main(env!("CARGO_PKG_VERSION"))
}
