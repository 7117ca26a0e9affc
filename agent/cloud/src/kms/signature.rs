//! Signatures of ECDSA on P-256: key services write them as ASN.1, JWS as two numbers. Pure.

/// Bytes of a number on P-256.
const SIZE: usize = 32;

/// Both numbers in their full length, one after the other, from `SEQUENCE { INTEGER, INTEGER }` in
/// DER. `None` if it is something else.
pub(super) fn fixed(der: &[u8]) -> Option<Vec<u8>> {
    let (body, []) = element(der, 0x30)? else {
        return None;
    };
    let (first, rest) = element(body, 0x02)?;
    let (second, []) = element(rest, 0x02)? else {
        return None;
    };
    let mut whole = Vec::with_capacity(2 * SIZE);
    for number in [first, second] {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let number = &number[zeros..];
        whole.resize(whole.len() + SIZE.checked_sub(number.len())?, 0);
        whole.extend_from_slice(number);
    }
    Some(whole)
}

/// The content of an element with this tag, and what follows. None of ours is longer than 127 bytes,
/// so its length is one byte.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    match der {
        [found, length @ 0..=0x7f, rest @ ..] if *found == tag => {
            rest.split_at_checked(usize::from(*length))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_their_full_length() {
        let der = [0x30, 8, 2, 2, 0, 0x80, 2, 2, 1, 2];
        let fixed = fixed(&der).expect("signature");
        assert_eq!(fixed.len(), 64);
        assert_eq!(fixed[30..32], [0, 0x80]);
        assert_eq!(fixed[62..], [1, 2]);
    }

    #[test]
    fn anything_else_is_none() {
        let long = [&[0x30, 40, 2, 33][..], &[1; 33], &[2, 1, 1]].concat();
        for der in [
            &[][..],
            &[0x30],
            &[0x30, 3, 2, 1, 1],
            &[0x30, 6, 2, 1, 1, 2, 1, 1, 9],
            &[0x30, 7, 2, 1, 1, 2, 1, 1, 9],
            &[0x31, 6, 2, 1, 1, 2, 1, 1],
            &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 1],
            &long,
        ] {
            assert_eq!(fixed(der), None, "{der:?}");
        }
    }
}
