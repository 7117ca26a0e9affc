//! The control plane: command line, configuration, wiring.
