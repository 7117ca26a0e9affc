//! HTTP on unix sockets between processes of one host.
//!
//! The job API belongs to one job: its hooks and commands read and change the job's environment.
//! The agent API belongs to a host: its jobs share locks.
