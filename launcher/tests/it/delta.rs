//! An agent that comes as the difference to the one before.

use std::fmt::Write as _;
use std::fs;

use shared_delta::Algorithm;
use shared_handover::layout::Component;
use shared_release::{Delta, Encoded};
use shared_slots::Digest;

use crate::bed::Bed;
use crate::fake_agent::Manner;

/// The file of an agent with much in it that no compression makes small; the script ends before.
fn file(serial: u64) -> Vec<u8> {
    let mut text = Manner::Good.script(&format!("0.{serial}.0"));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..4096 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let _ = writeln!(text, "# {state:016x}");
    }
    text.into_bytes()
}

/// Lays a file into the tree: where, how long, and its digest.
fn lay(bed: &Bed, name: &str, bytes: &[u8]) -> (Vec<String>, u64, Digest) {
    fs::write(bed.tree(name), bytes).unwrap();
    (vec![name.to_owned()], bytes.len() as u64, Digest::of(bytes))
}

/// Publishes an agent that comes plain, compressed, and as this patch to the one before.
fn publish(bed: &Bed, serial: u64, patch: &[u8]) {
    let (old, new) = (file(serial - 1), file(serial));
    let mut manifest = bed.manifest(serial, &[(Component::Agent, &new)]);
    let target = &mut manifest.releases[0].targets[0];
    let (url, size, sha256) = lay(bed, &format!("blobs/delta-{serial}"), patch);
    target.deltas = vec![Delta {
        from: Digest::of(&old),
        algo: "bsdiff4".to_owned(),
        url,
        size,
        sha256,
    }];
    let whole = shared_delta::encode_zstd(&new).unwrap();
    let (url, size, sha256) = lay(bed, &format!("blobs/zstd-{serial}"), &whole);
    target.encoded = vec![Encoded {
        enc: "zstd".to_owned(),
        url,
        size,
        sha256,
    }];
    bed.publish(&manifest);
}

#[test]
fn an_agent_comes_as_a_delta_and_a_delta_that_does_not_fit_costs_only_itself() {
    let mut bed = Bed::new();
    let first = bed.manifest(1, &[(Component::Agent, &file(1))]);
    bed.publish(&first);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    let patch = |serial| {
        let (old, new) = (file(serial - 1), file(serial));
        shared_delta::create(Algorithm::Bsdiff4, &old, &new).unwrap()
    };
    publish(&bed, 2, &patch(2));
    bed.wait_for(&["downloaded", "0.2.0", "way=delta"]);
    bed.wait_for(&["agent committed", "0.2.0"]);
    assert_eq!(bed.server.requests_for("zstd-2"), 0);
    let mut torn = patch(3);
    torn.truncate(8);
    publish(&bed, 3, &torn);
    bed.wait_for(&["downloaded", "0.3.0", "way=zstd"]);
    bed.wait_for(&["agent committed", "0.3.0"]);
    assert_eq!(bed.server.requests_for("delta-3"), 1);
}
