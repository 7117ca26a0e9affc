//! One job, parent side: accept, start, stream, cancel, finish.
