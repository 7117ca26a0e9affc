//! Which code is where: `/proc/PID/maps`, see proc_pid_maps(5). Pure.

/// Executable memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Map {
    pub(crate) start: u64,
    /// The first address behind it.
    pub(crate) end: u64,
    /// Where its bytes are in the file.
    pub(crate) offset: u64,
    /// Where the first piece of the file is: addresses of its symbols count from there.
    pub(crate) base: u64,
    /// The file, or a name such as `[vdso]`.
    pub(crate) file: String,
}

/// All executable memory that has a name.
pub(crate) fn parse(maps: &str) -> Vec<Map> {
    let mut bases: Vec<(&str, u64)> = Vec::new();
    let mut found = Vec::new();
    for line in maps.lines() {
        let Some((start, end, rights, offset, file)) = fields(line) else {
            continue;
        };
        let base = match bases.iter().find(|(known, _)| *known == file) {
            Some((_, base)) => *base,
            None => {
                bases.push((file, start));
                start
            }
        };
        if rights.contains('x') {
            found.push(Map {
                start,
                end,
                offset,
                base,
                file: file.to_owned(),
            });
        }
    }
    found
}

/// `start-end rights offset device inode   name`; nothing for memory without a name.
fn fields(line: &str) -> Option<(u64, u64, &str, u64, &str)> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let (rights, offset) = (fields.next()?, fields.next()?);
    let file = fields.nth(2)?.trim_start();
    let number = |text| u64::from_str_radix(text, 16).ok();
    let numbers = (number(start)?, number(end)?, number(offset)?);
    (!file.is_empty()).then_some((numbers.0, numbers.1, rights, numbers.2, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_memory_is_found_with_its_file_and_the_beginning_of_it() {
        let maps = "\
            5600-5700 r--p 00000000 fe:00 12   /opt/the agent\n\
            5700-5a00 r-xp 00001000 fe:00 12   /opt/the agent\n\
            6000-6100 rw-p 00000000 00:00 0    [heap]\n\
            7000-7100 r-xp 00000000 00:00 0 \n\
            7f00-7fff r-xp 00000000 00:00 0    [vdso]\n\
            not a line\n";
        let map = |start, end, offset, base, file: &str| Map {
            start,
            end,
            offset,
            base,
            file: file.to_owned(),
        };
        assert_eq!(
            parse(maps),
            [
                map(0x5700, 0x5a00, 0x1000, 0x5600, "/opt/the agent"),
                map(0x7f00, 0x7fff, 0, 0x7f00, "[vdso]"),
            ]
        );
    }
}
