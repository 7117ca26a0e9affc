//! Signed manifest and trust root: parse, verify, sign.
