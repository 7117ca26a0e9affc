//! The code pages of this process: what a process that waits for months does not need to hold.
#![expect(unsafe_code, reason = "says which pages the operating system may take")]

use std::ops::Range;

use crate::os;

/// Makes this process small before a long wait: the code it ran to get here is dropped from its
/// memory, and comes back from the page cache, page by page, when it is used again. Where there is
/// no `/proc`, nothing happens.
pub fn release_code() {
    // Nothing but memory depends on it.
    for pages in code(&os::own_maps().unwrap_or_default()) {
        // SAFETY: the kernel says that this is code of a file, mapped so that it cannot be
        // written; and nothing in this workspace has code that changes itself.
        unsafe { os::release_pages(pages) };
    }
}

/// The private mappings of files that are code, from text as in proc_pid_maps(5). Read-only data
/// is left out: it was written to while the program was linked together at its start.
fn code(maps: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_ascii_whitespace();
        let range = fields.next().and_then(parse);
        let is_code = fields.next() == Some("r-xp");
        let is_file = fields.nth(2).is_some_and(|inode| inode != "0");
        if let (Some(range), true, true) = (range, is_code, is_file) {
            found.push(range);
        }
    }
    found
}

fn parse(range: &str) -> Option<Range<usize>> {
    let (from, to) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(address(from)?..address(to)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unwritable_code_of_files_is_let_go() {
        let maps = "\
55e0-55f0 r--p 00000000 fe:00 12  /usr/lib/trireme/bootstrapper
5600-5680 r-xp 00000000 fe:00 12  /usr/lib/trireme/bootstrapper
5680-5690 rw-p 00000000 fe:00 12  /usr/lib/trireme/bootstrapper
5690-56a0 rwxp 00000000 fe:00 12  /usr/lib/trireme/bootstrapper
7f00-7f40 r-xp 00026000 fe:00 7   /usr/lib/a name with spaces.so
7f40-7f80 r-xs 00026000 fe:00 7   /dev/shm/shared
7f80-7f90 r-xp 00000000 00:00 0
7fff-8000 r-xp 00000000 00:00 0   [vdso]
nonsense
";
        assert_eq!(code(maps), [0x5600..0x5680, 0x7f00..0x7f40]);
    }

    #[test]
    fn what_was_let_go_still_runs() {
        release_code();
        assert_eq!(code("1-2 r-xp 0 0:0 3").len(), 1);
    }
}
