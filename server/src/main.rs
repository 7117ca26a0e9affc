//! The control plane: command line, configuration, wiring.

fn main() -> std::process::ExitCode {
    trireme_server::main(option_env!("TRIREME_VERSION").unwrap_or(env!("CARGO_PKG_VERSION")))
}
