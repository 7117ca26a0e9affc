//! The pages of this process that are as in their files: what a process that waits for months does
//! not need to hold.
#![expect(unsafe_code, reason = "says which pages the operating system may take")]

use std::ops::Range;

use crate::os;

/// Makes this process small before a long wait: the code it ran to get here is dropped from its
/// memory, and so are the program's tables that only its start and its defects need. All of it
/// comes back from the page cache, page by page, when it is used again. Where there is no `/proc`,
/// nothing happens.
pub fn release_code() {
    let smaps = os::own_smaps().unwrap_or_default();
    let here = release_code as fn() as usize;
    // Nothing but memory depends on it.
    for pages in unchanged(&smaps, here) {
        // SAFETY: the kernel says that no page of this mapping differs from its file and that it
        // cannot be written; nothing in this workspace makes the program's own file, or code,
        // writable.
        unsafe { os::release_pages(pages) };
    }
}

/// One private mapping of a file that cannot be written.
struct Mapping<'a> {
    pages: Range<usize>,
    /// Device and inode.
    file: (&'a str, &'a str),
    is_code: bool,
}

/// The mappings that are all as in their files, from text as in proc_pid_smaps(5): code of any
/// file, and read-only data of the one whose code is at `here`. Data of others may belong to
/// a library that is being loaded, and is written to in a moment.
fn unchanged(smaps: &str, here: usize) -> Vec<Range<usize>> {
    let mut found: Vec<Mapping<'_>> = Vec::new();
    let mut mapping = None;
    for line in smaps.lines() {
        if let Some((range, rest)) = line.split_once(' ').and_then(split_range) {
            mapping = unwritable(range, rest);
        } else if line.strip_prefix("Anonymous:").map(str::trim) == Some("0 kB") {
            // Read-only data that was written to while the program was linked is not among them.
            found.extend(mapping.take());
        }
    }
    let is_here = |mapping: &&Mapping<'_>| mapping.is_code && mapping.pages.contains(&here);
    let own = found.iter().find(is_here).map(|mapping| mapping.file);
    let is_wanted = |mapping: &Mapping<'_>| mapping.is_code || Some(mapping.file) == own;
    let wanted = found.into_iter().filter(is_wanted);
    wanted.map(|mapping| mapping.pages).collect()
}

fn split_range<'a>((range, rest): (&str, &'a str)) -> Option<(Range<usize>, &'a str)> {
    let (from, to) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some((address(from)?..address(to)?, rest))
}

/// The fields after the range: permissions, offset, device, inode and name.
fn unwritable(pages: Range<usize>, fields: &str) -> Option<Mapping<'_>> {
    let mut fields = fields.split_ascii_whitespace();
    let is_code = match fields.next()? {
        "r-xp" => true,
        "r--p" => false,
        _ => return None,
    };
    let file = (fields.nth(1)?, fields.next()?);
    (file.1 != "0").then_some(Mapping {
        pages,
        file,
        is_code,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mapping as the kernel tells it, cut short.
    fn mapping(head: &str, anonymous_kb: u32) -> String {
        format!(
            "{head}\nSize:  64 kB\nRss:  8 kB\nAnonymous:  {anonymous_kb} kB\nTHPeligible:  0\n\
             VmFlags: rd ex mr\n"
        )
    }

    #[test]
    fn only_what_is_as_in_its_file_and_cannot_change_is_let_go() {
        let smaps: String = [
            (
                "55e0-55f0 r--p 00000000 fe:00 12  /usr/lib/trireme/agent",
                0,
            ),
            (
                "5600-5680 r-xp 00000000 fe:00 12  /usr/lib/trireme/agent",
                0,
            ),
            (
                "5680-5690 r--p 00000000 fe:00 12  /usr/lib/trireme/agent",
                4,
            ),
            (
                "5690-56a0 rw-p 00000000 fe:00 12  /usr/lib/trireme/agent",
                0,
            ),
            (
                "56a0-56b0 rwxp 00000000 fe:00 12  /usr/lib/trireme/agent",
                0,
            ),
            (
                "7e00-7f00 r--p 00000000 fe:00 7   /usr/lib/a name with spaces.so",
                0,
            ),
            (
                "7f00-7f40 r-xp 00026000 fe:00 7   /usr/lib/a name with spaces.so",
                0,
            ),
            (
                "7f40-7f50 r-xp 00026000 fe:00 8   /usr/lib/with-a-breakpoint.so",
                4,
            ),
            ("7f50-7f80 r-xs 00026000 fe:00 7   /dev/shm/shared", 0),
            ("7f80-7f90 r-xp 00000000 00:00 0", 0),
            ("7fff-8000 r-xp 00000000 00:00 0   [vdso]", 0),
            ("nonsense", 0),
        ]
        .map(|(head, anonymous_kb)| mapping(head, anonymous_kb))
        .concat();
        let own = [0x55e0..0x55f0, 0x5600..0x5680, 0x7f00..0x7f40];
        assert_eq!(unchanged(&smaps, 0x5610), own);
        let foreign = [0x5600..0x5680, 0x7f00..0x7f40];
        assert_eq!(unchanged(&smaps, 0x9000), foreign);
    }

    #[test]
    fn what_was_let_go_still_runs() {
        release_code();
        let smaps = os::own_smaps().unwrap_or_default();
        let here = release_code as fn() as usize;
        let found = unchanged(&smaps, here)
            .into_iter()
            .any(|pages| pages.contains(&here));
        assert_eq!(found, cfg!(target_os = "linux"));
    }
}
