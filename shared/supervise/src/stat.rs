//! What the kernel says of a process in `/proc/<pid>/stat`; see proc_pid_stat(5).

use std::fs;

/// The fields that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// One letter; `Z` and `X` are dead.
    pub(crate) state: u8,
    pub(crate) parent: u32,
    pub(crate) session: u32,
    /// Clock ticks between boot and its start.
    pub(crate) start: u64,
}

impl Stat {
    /// Asks the kernel; `None` if there is no such process.
    pub(crate) fn read(pid: u32) -> Option<Self> {
        let mut path = String::from("/proc/");
        path.push_str(&pid.to_string());
        path.push_str("/stat");
        Self::parse(&String::from_utf8_lossy(&fs::read(path).ok()?))
    }

    /// The name of the program stands in parentheses and may hold anything, so the fields are
    /// counted from the last one of those.
    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace();
        Some(Self {
            state: *fields.next()?.as_bytes().first()?,
            parent: fields.next()?.parse().ok()?,
            session: fields.nth(1)?.parse().ok()?,
            start: fields.nth(15)?.parse().ok()?,
        })
    }

    pub(crate) const fn is_alive(self) -> bool {
        !matches!(self.state, b'Z' | b'X')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_any_name() {
        let rest = "S 7 8 9 34816 14 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9";
        for name in ["sh", "a b", "x) Z 1 2 3", "(", ""] {
            let stat = Stat::parse(&format!("12 ({name}) {rest}")).expect("parsed");
            assert_eq!(
                stat,
                Stat {
                    state: b'S',
                    parent: 7,
                    session: 9,
                    start: 4711
                }
            );
        }
        assert_eq!(Stat::parse("12 (sh) S 7"), None);
        assert_eq!(Stat::parse(""), None);
    }
}
