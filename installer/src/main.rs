//! The command that operators use on a host.

fn main() -> std::process::ExitCode {
    trireme::main(option_env!("TRIREME_VERSION").unwrap_or(env!("CARGO_PKG_VERSION")))
}
