//! State machines of jobs, builds and agents. Pure.
