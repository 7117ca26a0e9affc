//! Tables and queries on the embedded database; logs on disk.
