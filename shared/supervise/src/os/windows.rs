//! Windows. Written next.
