//! The launcher's control socket, status file and metrics.
