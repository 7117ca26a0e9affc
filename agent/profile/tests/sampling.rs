//! A profile of this very process. One test in this program: there is one profile in a process.
#![cfg(target_os = "linux")]

use std::hint::black_box;
use std::io::Read as _;

use agent_profile::pprof;
use agent_profile::{NoProfile, Profile};
use flate2::read::GzDecoder;
use prost::Message as _;

/// Ticks of CPU time of this process, of which there are a hundred in a second.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("stat");
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum()
}

#[inline(never)]
fn work() {
    let end = ticks() + 50;
    while ticks() < end {
        for number in 0..1_000_000_u64 {
            black_box(number * number);
        }
    }
}

#[test]
fn a_profile_has_the_stacks_of_the_code_that_ran() {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = Profile::begin("cpu", folder.path()).expect("a profile");
    let second = Profile::begin("cpu", folder.path());
    assert!(matches!(second, Err(NoProfile::System(_))));
    work();
    std::thread::spawn(work).join().expect("a thread");
    let written = profile.finish().expect("written");
    assert!(written.samples > 0 && written.path.starts_with(folder.path()));
    assert_eq!(std::fs::read_dir(folder.path()).expect("list").count(), 1);

    let mut bytes = Vec::new();
    let file = std::fs::File::open(&written.path).expect("the file");
    GzDecoder::new(file).read_to_end(&mut bytes).expect("gzip");
    let profile = pprof::Profile::decode(&*bytes).expect("a profile");
    let counts = profile.sample.iter().map(|sample| sample.value[0]);
    assert_eq!(counts.sum::<i64>(), written.samples.cast_signed());
    let own = std::env::current_exe().expect("a path");
    let text = |number: i64| &profile.string_table[usize::try_from(number).expect("a number")];
    let code = profile.mapping.iter();
    let code = code.filter(|mapping| *text(mapping.filename) == *own.to_string_lossy());
    let ids: Vec<u64> = code.map(|mapping| mapping.id).collect();
    let is_own = |location: &u64| {
        let found = profile.location.iter().find(|known| known.id == *location);
        found.is_some_and(|found| ids.contains(&found.mapping_id))
    };
    // A call of `work` lies above what it called, and the test or the thread above that.
    let mut samples = profile.sample.iter();
    let deep = samples.any(|sample| sample.location_id.iter().filter(|it| is_own(it)).count() > 2);
    assert!(deep, "{profile:?}");

    // Afterwards there can be another one.
    let again = Profile::begin("cpu", folder.path()).expect("another profile");
    again.finish().expect("written");
}
