//! The command that operators use on a host: update, status, doctor.
