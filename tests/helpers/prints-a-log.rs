//! Prints a generated log: `prints-a-log BYTES`. The same bytes each time, so that a test knows what
//! must arrive.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(bytes) = std::env::args().nth(1).and_then(|bytes| bytes.parse().ok()) else {
        return ExitCode::from(2);
    };
    let log = tests::generated_log::bytes(bytes);
    match std::io::stdout().write_all(&log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
