//! Applies one patch as a launcher's child does: `apply <bsdiff4|zstd> <old> <patch> <out> <size>`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared_delta::child::main(std::env::args_os().skip(1))
}
