//! Names of archive entries: which ones mean one place below a folder on every platform. Pure.
//!
//! Rather than a list of what is dangerous there is one of what is allowed: ASCII letters, digits
//! and `. _ + -`, split by `/`. That leaves no room for absolute paths, drives, streams, backslashes,
//! control characters, or letters that some file systems hold for the same and others do not.

use std::collections::{HashMap, HashSet};

/// Longest name, in bytes; leaves room for the folder it goes to on every platform.
const MOST_BYTES: usize = 128;

/// Most parts between slashes.
const MOST_PARTS: usize = 6;

/// Names that are devices on Windows, whatever follows after a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or nothing between two slashes.
    #[error("a part of it is empty")]
    Empty,
    /// It, or its number of parts, is too large.
    #[error("it is longer than {MOST_BYTES} bytes or {MOST_PARTS} parts")]
    TooLong,
    /// A character that does not mean the same everywhere.
    #[error("only letters, digits and . _ + - are allowed between slashes")]
    Character,
    /// `.`, `..`, a hidden name, or one whose last dot gets lost on Windows.
    #[error("no part may begin or end with a dot")]
    Dot,
    /// A device on Windows.
    #[error("a part of it is the name of a device on Windows")]
    Device,
    /// The name is there already, perhaps in other letters, or is both a file and a folder.
    #[error("another entry has the same name on some platform")]
    Twice,
}

/// A name that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntryName {
    /// Parts joined by `/`, without one at the end.
    pub(crate) text: String,
    /// Whether it names a folder.
    pub(crate) folder: bool,
}

impl EntryName {
    /// Checks a name as it stands in the archive.
    pub(crate) fn check(raw: &[u8]) -> Result<Self, NameError> {
        let (raw, folder) = match raw.strip_suffix(b"/") {
            Some(raw) => (raw, true),
            None => (raw, false),
        };
        if raw.len() > MOST_BYTES {
            return Err(NameError::TooLong);
        }
        let text = std::str::from_utf8(raw).map_err(|_| NameError::Character)?;
        for part in text.split('/') {
            check_part(part)?;
        }
        if text.split('/').count() > MOST_PARTS {
            return Err(NameError::TooLong);
        }
        Ok(Self {
            text: text.to_owned(),
            folder,
        })
    }
}

fn check_part(part: &str) -> Result<(), NameError> {
    if part.is_empty() {
        return Err(NameError::Empty);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    if !part.bytes().all(allowed) {
        return Err(NameError::Character);
    }
    if part.starts_with('.') || part.ends_with('.') {
        return Err(NameError::Dot);
    }
    let stem = part.split('.').next().unwrap_or(part).to_ascii_lowercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    if DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt") {
        return Err(NameError::Device);
    }
    Ok(())
}

/// All names of an archive, so that no two of them can meet.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// In small letters.
    files: HashSet<String>,
    /// In small letters, and as first written.
    folders: HashMap<String, String>,
    /// Folders that have an entry of their own.
    entries: HashSet<String>,
}

impl Names {
    /// Takes a name, or says that it is taken.
    pub(crate) fn take(&mut self, name: &EntryName) -> Result<(), NameError> {
        let text = name.text.as_str();
        for (end, _) in text.match_indices('/') {
            self.take_folder(&text[..end])?;
        }
        let small = text.to_ascii_lowercase();
        if name.folder {
            self.take_folder(text)?;
            return self
                .entries
                .insert(small)
                .then_some(())
                .ok_or(NameError::Twice);
        }
        if self.folders.contains_key(&small) || !self.files.insert(small) {
            return Err(NameError::Twice);
        }
        Ok(())
    }

    fn take_folder(&mut self, folder: &str) -> Result<(), NameError> {
        let small = folder.to_ascii_lowercase();
        if self.files.contains(&small) {
            return Err(NameError::Twice);
        }
        let first = self
            .folders
            .entry(small)
            .or_insert_with(|| folder.to_owned());
        (first.as_str() == folder)
            .then_some(())
            .ok_or(NameError::Twice)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_leave_the_folder_or_mean_another_place_are_refused() {
        for (raw, error) in [
            (b"".as_slice(), NameError::Empty),
            (b"/", NameError::Empty),
            (b"/etc/passwd", NameError::Empty),
            (b"a//b", NameError::Empty),
            (b"a.so//", NameError::Empty),
            (b"..", NameError::Dot),
            (b"../a.so", NameError::Dot),
            (b"a/../../b", NameError::Dot),
            (b"./a", NameError::Dot),
            (b"a/./b", NameError::Dot),
            (b".hidden", NameError::Dot),
            (b"a.so.", NameError::Dot),
            (b"..\\a.so", NameError::Character),
            (b"a\\b", NameError::Character),
            (b"C:/a", NameError::Character),
            (b"C:a", NameError::Character),
            (b"a.so:stream", NameError::Character),
            (b"\\\\host\\share", NameError::Character),
            (b"a b", NameError::Character),
            (b"a.so ", NameError::Character),
            (b"a\0.so", NameError::Character),
            (b"a\n.so", NameError::Character),
            (b"a*", NameError::Character),
            ("ä.so".as_bytes(), NameError::Character),
            ("a\u{202e}os.so".as_bytes(), NameError::Character),
            (b"\xff\xfe", NameError::Character),
            (b"NUL", NameError::Device),
            (b"a/con.so", NameError::Device),
            (b"Com1.tar.gz", NameError::Device),
            (b"a/b/c/d/e/f/g", NameError::TooLong),
        ] {
            let name = String::from_utf8_lossy(raw);
            assert_eq!(EntryName::check(raw), Err(error), "{name:?}");
        }
        let long = vec![b'a'; MOST_BYTES + 1];
        assert_eq!(EntryName::check(&long), Err(NameError::TooLong));
    }

    #[test]
    fn ordinary_names_pass() {
        for raw in [
            "a.so",
            "libx-1.2+3.so",
            "data/deep/er.txt",
            "common",
            "com10",
            "console",
        ] {
            assert_eq!(EntryName::check(raw.as_bytes()).unwrap().text, raw);
        }
        let folder = EntryName::check(b"data/").unwrap();
        assert!(folder.folder && folder.text == "data");
    }

    #[test]
    fn two_entries_never_meet_on_any_platform() {
        for names in [
            ["a", "a"],
            ["lib.so", "LIB.SO"],
            ["a", "a/b"],
            ["a/b", "A"],
            ["A/b", "a/c"],
            ["d/", "D/"],
            ["d/", "d/"],
            ["a/", "a"],
        ] {
            let mut taken = Names::default();
            let last = names.map(|name| taken.take(&EntryName::check(name.as_bytes()).unwrap()));
            assert_eq!(last, [Ok(()), Err(NameError::Twice)], "{names:?}");
        }
        let mut taken = Names::default();
        for name in ["d/", "d/a", "d/b", "e/a"] {
            assert_eq!(
                taken.take(&EntryName::check(name.as_bytes()).unwrap()),
                Ok(())
            );
        }
    }

    /// Bytes, with a liking for those that matter in paths.
    fn any_name() -> impl Strategy<Value = Vec<u8>> {
        let parts = prop::sample::select(vec![
            "..", ".", "/", "\\", "a", "B", "con", "C:", " ", "\0", ".so", "%2e", "ä",
        ]);
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(parts, 0..9).prop_map(|parts| parts.concat().into_bytes()),
        ]
    }

    proptest! {
        #[test]
        fn a_name_that_passes_stays_below_its_folder(raw in any_name()) {
            if let Ok(name) = EntryName::check(&raw) {
                let path = Path::new(&name.text);
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert!(!name.text.contains(['\\', ':', '\0', ' ']));
                prop_assert_eq!(path.components().count(), name.text.split('/').count());
            }
        }
    }
}
