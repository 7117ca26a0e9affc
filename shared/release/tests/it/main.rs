//! The trust rules, proved through the public surface: what a publisher can make, what a host
//! refuses.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

mod follow;
mod fresh;
mod hop;
mod hostile;
mod roots;
mod trust;

use jiff::Timestamp;
use shared_release::{Keypair, Manifest, Release, Root, RootDraft, Target};

/// Keys and root of one publisher.
struct Publisher {
    root_key: Keypair,
    release_keys: Vec<Keypair>,
    root_file: Vec<u8>,
}

impl Publisher {
    fn with_threshold(threshold: usize, keys: u8) -> Self {
        let root_key = Keypair::from_seed([200; 32]);
        let release_keys: Vec<Keypair> = (0..keys).map(|n| Keypair::from_seed([n; 32])).collect();
        let root_file = RootDraft {
            root_keys: &[&root_key],
            root_threshold: 1,
            release_keys: &release_keys.iter().collect::<Vec<_>>(),
            release_threshold: threshold,
            expires: at(1_000_000),
        }
        .build()
        .unwrap();
        Self {
            root_key,
            release_keys,
            root_file,
        }
    }

    fn root(&self) -> Root {
        Root::from_trusted(&self.root_file).unwrap()
    }

    fn sign(&self, manifest: &Manifest) -> Vec<u8> {
        let keys: Vec<&Keypair> = self.release_keys.iter().collect();
        shared_release::sign(&manifest.to_payload().unwrap(), &keys)
    }
}

/// Seconds after some day.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + seconds).unwrap()
}

fn target(os: &str, arch: &str) -> Target {
    Target::plain(os, arch, "ab".repeat(32).parse().unwrap(), 10)
}

fn release(component: &str, seq: u64) -> Release {
    Release {
        component: component.to_owned(),
        version: format!("0.{seq}.0"),
        seq,
        min_from_seq: 0,
        barrier: false,
        security: false,
        targets: vec![target("linux", "x86_64")],
    }
}

fn manifest(serial: u64) -> Manifest {
    let mut manifest = Manifest::new("stable", serial, at(0), at(86_400));
    manifest.releases = vec![release("launcher", serial), release("agent", serial)];
    manifest
}
