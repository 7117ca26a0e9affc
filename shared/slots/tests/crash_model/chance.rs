//! Beyond what can be gone through: long lives of a host with any releases, any number of faults,
//! and a disk that garbles its files by itself.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use shared_slots::Fs as _;

use crate::host::{Host, STATE};
use crate::invariants::{check, converges};
use crate::scenarios::{BOTH_UPGRADED, INSTALLED, UPGRADED_AGAIN, prepared};
use crate::sim::{Sim, Strike};
use crate::world::{Release, agent, launcher};

/// One piece of a life: what is offered, where the run is struck, and how the next one finds the
/// disk: as it was in the cache, or as one of many power cuts leaves it.
#[derive(Debug, Clone)]
struct Piece {
    launcher: (u8, bool),
    agent: (u8, bool),
    struck_at: usize,
    strike: Strike,
    power_cut: Option<usize>,
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let version = || (0..=3_u8, prop::bool::weighted(0.8));
    (
        (1..=3_u8, prop::bool::weighted(0.8)),
        version(),
        0..300_usize,
        prop::sample::select(&Strike::ALL[..]),
        prop::option::of(any::<usize>()),
    )
        .prop_map(|(launcher, agent, struck_at, strike, power_cut)| Piece {
            launcher,
            agent,
            struck_at,
            strike,
            power_cut,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_long_life_with_any_faults_ends_well(pieces in prop::collection::vec(any_piece(), 1..9)) {
        let (mut image, mut world) = prepared(INSTALLED);
        for (serial, piece) in (2..).zip(pieces) {
            world.release = Some(Release {
                serial: serial.min(9),
                launcher: launcher(piece.launcher.0, piece.launcher.1),
                agent: agent(piece.agent.0, piece.agent.1),
            });
            let sim = Sim::mount(&image, world).striking(piece.struck_at, piece.strike);
            let _ = Host::new(&sim, None).run();
            sim.start_again();
            if piece.power_cut.is_none() {
                converges(&sim, None);
            }
            image = piece.power_cut.map_or_else(|| sim.kept(), |pick| sim.power_cut(pick));
            prop_assert_eq!(&*sim.violations.borrow(), &[""; 0]);
            world = sim.world.borrow().clone();
            let wrong = check(&image, &world);
            prop_assert!(wrong.is_empty(), "{wrong:?}");
        }
        let sim = Sim::mount(&image, world);
        prop_assert!(Host::new(&sim, None).run().is_ok());
        converges(&sim, None);
        prop_assert_eq!(sim.violations.take(), [""; 0]);
    }
}

/// Invariant 6: whatever a file holds, and several at once, the host starts and comes to rest.
#[test]
fn any_garbled_files_are_survived() {
    for scenario in [BOTH_UPGRADED, UPGRADED_AGAIN] {
        let (image, mut world) = prepared(scenario);
        world.garbled = true;
        let files = files(&Sim::mount(&image, world.clone()), Path::new(STATE));
        assert!(files.len() > 10, "{files:?}");
        for (place, first) in files.iter().enumerate() {
            for second in &files[place..] {
                for bytes in [&b""[..], &[0; 512], b"component=../../x\nplugins=y\n"] {
                    let sim = Sim::mount(&image, world.clone());
                    sim.garble(first, bytes);
                    sim.garble(second, bytes);
                    let ended = Host::new(&sim, None).run();
                    assert!(ended.is_ok(), "{first:?} {second:?} {bytes:?}");
                    converges(&sim, None);
                    let wrong = sim.violations.take();
                    assert_eq!(wrong, [""; 0], "{first:?} {second:?} {bytes:?}");
                }
            }
        }
    }
}

/// Invariant 5: without a server, what is installed runs.
#[test]
fn a_host_without_a_server_runs_what_it_has() {
    let (image, mut world) = prepared(BOTH_UPGRADED);
    world.release = None;
    let sim = Sim::mount(&image, world);
    assert_eq!(Host::new(&sim, None).run(), Ok(()));
    let page = crate::host::slot(&sim, crate::world::Tier::Agent)
        .read()
        .page;
    assert_eq!(page.committed(), Some(agent(1, true).digest()));
    assert_eq!(sim.violations.take(), [""; 0]);
}

fn files(sim: &Sim, folder: &Path) -> Vec<PathBuf> {
    let names = sim.list("model.files", folder).expect("a folder");
    let paths = names.into_iter().map(|name| folder.join(name));
    paths
        .flat_map(|path| match sim.list("model.files", &path) {
            Ok(_) => files(sim, &path),
            Err(_) => vec![path],
        })
        .collect()
}
