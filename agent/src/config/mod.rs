//! Settings of the agent: as written ([`raw`]), with their [`origin`], then as meant ([`resolve`]).

pub mod file;
pub mod flags;
pub mod job_variables;
pub mod origin;
pub mod other_names;
pub mod other_variables;
pub mod raw;
pub mod resolve;
pub mod token;
pub mod values;
pub mod words;
