//! The build id of a program or library, by which pprof finds one with symbols. Pure.
//!
//! Of ELF files of 64 bits and of this host's byte order; formats in elf(5).

const PROGRAM_HEADER_NOTE: u32 = 4;
/// Type of the note, and its owner.
const BUILD_ID: (u32, &[u8]) = (3, b"GNU\0");

/// In hexadecimal digits.
pub(crate) fn of(elf: &[u8]) -> Option<String> {
    if elf.get(..5)? != b"\x7fELF\x02" {
        return None;
    }
    let headers = usize::try_from(word(elf, 0x20)?).ok()?;
    let (size, count) = (half(elf, 0x36)?, half(elf, 0x38)?);
    let mut headers = (0..count).filter_map(|index| elf.get(headers + index * size..));
    headers.find_map(|header| {
        let (kind, at, length) = (int(header, 0)?, word(header, 8)?, word(header, 0x20)?);
        let at = usize::try_from(at).ok()?;
        let end = at.checked_add(usize::try_from(length).ok()?)?;
        (kind == PROGRAM_HEADER_NOTE)
            .then(|| in_notes(elf.get(at..end)?))
            .flatten()
    })
}

/// Each note: lengths of name and content, type, name, content; both filled up to four bytes.
fn in_notes(mut notes: &[u8]) -> Option<String> {
    loop {
        let name_length = usize::try_from(int(notes, 0)?).ok()?;
        let length = usize::try_from(int(notes, 4)?).ok()?;
        let kind = int(notes, 8)?;
        let rest = notes.get(12..)?;
        let name = rest.get(..name_length)?;
        let rest = rest.get(name_length.next_multiple_of(4)..)?;
        let content = rest.get(..length)?;
        if (kind, name) == BUILD_ID {
            let digits = content.iter().flat_map(|byte| [byte >> 4, byte & 15]);
            return digits
                .map(|digit| char::from_digit(digit.into(), 16))
                .collect();
        }
        notes = rest.get(length.next_multiple_of(4)..)?;
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn int(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    let half = u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?);
    Some(half.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(kind: u32, name: &[u8], content: &[u8]) -> Vec<u8> {
        let lengths =
            [name.len(), content.len()].map(|length| u32::try_from(length).expect("short"));
        let numbers = [lengths[0], lengths[1], kind];
        let mut note: Vec<u8> = numbers.iter().flat_map(|int| int.to_ne_bytes()).collect();
        for part in [name, content] {
            note.extend(part);
            note.resize(note.len().next_multiple_of(4), 0);
        }
        note
    }

    /// One program header behind the file's own, and the notes behind it.
    fn elf(notes: &[u8]) -> Vec<u8> {
        let (headers, size) = (0x40_usize, 0x38_usize);
        let mut elf = vec![0; headers + size];
        elf[..5].copy_from_slice(b"\x7fELF\x02");
        elf[0x20..0x28].copy_from_slice(&(headers as u64).to_ne_bytes());
        elf[0x36..0x38].copy_from_slice(&0x38_u16.to_ne_bytes());
        elf[0x38..0x3a].copy_from_slice(&1_u16.to_ne_bytes());
        elf[headers..headers + 4].copy_from_slice(&PROGRAM_HEADER_NOTE.to_ne_bytes());
        let (at, length) = (headers + 8, headers + 0x20);
        elf[at..at + 8].copy_from_slice(&((headers + size) as u64).to_ne_bytes());
        elf[length..length + 8].copy_from_slice(&(notes.len() as u64).to_ne_bytes());
        elf.extend(notes);
        elf
    }

    #[test]
    fn the_build_id_is_found_behind_other_notes() {
        let other = note(1, b"other", &[9]);
        let notes = [other.clone(), note(3, b"GNU\0", &[0, 0xab, 0x1c])].concat();
        let whole = elf(&notes);
        assert_eq!(of(&whole).as_deref(), Some("00ab1c"));
        assert_eq!(of(&elf(&other)), None);
        assert_eq!(of(b"#!/bin/sh"), None);
    }

    #[test]
    fn a_torn_file_has_none() {
        let whole = elf(&note(3, b"GNU\0", &[1, 2, 3, 4]));
        for length in 0..whole.len() {
            assert_eq!(of(&whole[..length]), None, "{length}");
        }
    }
}
