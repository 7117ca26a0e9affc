//! A point in time that no clock setting can move: which boot, and how long into it.

use std::path::Path;

use crate::Fs;

/// A boot of this host, and the seconds since it.
///
/// Budgets across restarts are kept in this, never in wall-clock time: a wall clock that jumps may
/// neither extend a hold nor end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// The kernel's random id of this boot; zeros where it has none.
    pub boot: [u8; 16],
    /// Seconds since that boot.
    pub seconds: u32,
}

impl Moment {
    /// Reads boot id and uptime from `/proc`. Where there is none, the moment is all zeros, and
    /// holds last until they are taken back by hand or by another release.
    pub fn read(fs: &impl Fs) -> Self {
        let text = |path: &str| fs.read("moment.read", Path::new(path), 128).ok();
        Self {
            boot: text("/proc/sys/kernel/random/boot_id")
                .and_then(|text| parse_uuid(&text))
                .unwrap_or_default(),
            seconds: text("/proc/uptime").map_or(0, |text| parse_leading_number(&text)),
        }
    }
}

/// Reads a UUID as the kernel prints it: 32 hexadecimal digits with dashes between.
fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    let mut digits = text
        .iter()
        .filter(|byte| byte.is_ascii_hexdigit())
        .map(|&byte| match byte {
            b'0'..=b'9' => byte - b'0',
            _ => (byte | 0x20) - b'a' + 10,
        });
    let mut uuid = [0; 16];
    for byte in &mut uuid {
        *byte = digits.next()? << 4 | digits.next()?;
    }
    Some(uuid)
}

fn parse_leading_number(text: &[u8]) -> u32 {
    text.iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0_u32, |sum, byte| {
            sum.saturating_mul(10)
                .saturating_add(u32::from(byte - b'0'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_spelling_is_read() {
        let uuid = parse_uuid(b"00112233-4455-6677-8899-aabbccddeeff\n").expect("a UUID");
        assert_eq!((uuid[0], uuid[1], uuid[15]), (0, 0x11, 0xff));
        assert_eq!(parse_uuid(b"0011"), None);
        assert_eq!(parse_leading_number(b"12345.67 999.0\n"), 12345);
        assert_eq!(parse_leading_number(b"99999999999"), u32::MAX);
        assert_eq!(parse_leading_number(b""), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_host_has_a_moment() {
        let moment = Moment::read(&crate::OsFs);
        assert_ne!(moment.boot, [0; 16]);
        assert_ne!(moment.seconds, 0);
    }
}
