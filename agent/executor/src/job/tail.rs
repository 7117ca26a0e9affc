//! What git and other children said last, for those who have to know why they failed.

/// The last part of a child's output.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    const KEPT: usize = 16 * 1024;

    /// Takes more of the output; only the end is kept.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let fresh = &bytes[bytes.len().saturating_sub(Self::KEPT)..];
        let surplus = (self.bytes.len() + fresh.len()).saturating_sub(Self::KEPT);
        self.bytes.drain(..surplus.min(self.bytes.len()));
        self.bytes.extend_from_slice(fresh);
    }

    /// Whether it holds this text.
    pub(crate) fn contains(&self, text: &str) -> bool {
        self.bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }
}
