//! A release that is broken in the plainest way: it ends as soon as it is started.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(42)
}
