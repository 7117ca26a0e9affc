//! N workers: register, connect, ping, heartbeat, one job each.
