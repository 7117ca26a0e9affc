//! How gRPC puts messages into a body: a byte for compression, four for the length (big-endian),
//! then the message. Pure: bytes in, messages out, wherever the network has cut them.

use bytes::{Buf as _, Bytes, BytesMut};

/// Bytes before each message.
const HEAD: usize = 5;
/// Longest message that is read. Real ones hold an id or a reason.
const LONGEST: usize = 64 << 10;

/// Why bytes are no envelope. Nothing that follows can be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Compressed, although this side did not offer to read that.
    #[error("a message is compressed")]
    Compressed,
    /// A length beyond what such messages have.
    #[error("a message of {0} bytes")]
    TooLong(usize),
}

/// A message in its envelope.
pub fn wrap(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("requests are short");
    let mut wrapped = BytesMut::with_capacity(HEAD + message.len());
    wrapped.extend_from_slice(&[0]);
    wrapped.extend_from_slice(&length.to_be_bytes());
    wrapped.extend_from_slice(message);
    wrapped.freeze()
}

/// Collects bytes until they are messages.
#[derive(Debug, Default)]
pub struct Envelopes {
    pending: BytesMut,
}

impl Envelopes {
    /// Takes bytes as they came.
    pub fn take(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next message that is there as a whole.
    pub fn message(&mut self) -> Result<Option<Bytes>, EnvelopeError> {
        let Some((head, rest)) = self.pending.split_first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let [compressed, length @ ..] = *head;
        if compressed != 0 {
            return Err(EnvelopeError::Compressed);
        }
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(EnvelopeError::TooLong(length));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.pending.advance(HEAD);
        Ok(Some(self.pending.split_to(length).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_envelope_is_refused_before_its_bytes_are_awaited() {
        for (head, error) in [
            ([1, 0, 0, 0, 1], EnvelopeError::Compressed),
            ([0, 0, 1, 0, 1], EnvelopeError::TooLong(LONGEST + 1)),
            ([0, 255, 255, 255, 255], EnvelopeError::TooLong(0xffff_ffff)),
        ] {
            let mut envelopes = Envelopes::default();
            envelopes.take(&head);
            assert_eq!(envelopes.message(), Err(error));
        }
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_they_are_cut(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            cut in 1_usize..20,
        ) {
            let whole: Vec<u8> = messages.iter().flat_map(|message| wrap(message)).collect();
            let mut envelopes = Envelopes::default();
            let mut out = Vec::new();
            for piece in whole.chunks(cut) {
                envelopes.take(piece);
                while let Some(message) = envelopes.message().expect("an envelope") {
                    out.push(message.to_vec());
                }
            }
            prop_assert_eq!(out, messages);
        }
    }
}
