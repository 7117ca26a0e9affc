//! Both APIs through real sockets, byte by byte where that matters.

mod job_api;
mod locks;
mod raw;
