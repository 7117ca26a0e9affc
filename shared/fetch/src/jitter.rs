//! Spreading ten thousand hosts over a window. Pure.

use std::time::Duration;

use shared_slots::Digest;

/// How long this host waits before it starts to fetch, somewhere within `window`.
///
/// `host` is anything stable that is its own, and `release` what is fetched: so a host always gets
/// the same place for one release, and another one for the next.
pub fn start_offset(host: &str, release: &Digest, window: Duration) -> Duration {
    let text = format!("{release}/{host}");
    let digest = Digest::of(text.as_bytes());
    let first = digest.as_bytes().first_chunk().expect("32 bytes are there");
    // 32 bits place a host within a day to 20 microseconds, and keep the product in bounds.
    let place = u32::from_be_bytes(*first);
    let nanos = window.as_nanos().saturating_mul(place.into()) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_host_keeps_its_place_for_one_release() {
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        assert_eq!(start_offset("a", &one, HOUR), start_offset("a", &one, HOUR));
        assert_ne!(
            start_offset("a", &one, HOUR),
            start_offset("a", &other, HOUR)
        );
        assert_eq!(start_offset("a", &one, Duration::ZERO), Duration::ZERO);
        assert!(start_offset("a", &one, Duration::MAX) <= Duration::MAX);
    }

    #[test]
    fn hosts_are_spread_evenly() {
        let release = Digest::of(b"1");
        let mut tenths = [0; 10];
        for host in 0..10_000 {
            let offset = start_offset(&format!("host-{host}"), &release, HOUR);
            assert!(offset < HOUR);
            tenths[usize::try_from(offset.as_secs() / 360).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|n| (850..1150).contains(n)), "{tenths:?}");
    }
}
