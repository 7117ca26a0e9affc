//! Releases that must not be installed: one clear line, and the installed agent is not touched.

use std::fs;

use shared_handover::layout::Component;
use shared_release::{Keypair, sign};
use shared_slots::Digest;

use crate::bed::{Bed, wait_until};
use crate::fake_agent::Manner;

/// Lets a host with agent 1 meet what `publish` lays down; the one line that it leaves.
fn refused(publish: impl FnOnce(&Bed), words: &[&str]) -> String {
    let mut bed = Bed::new();
    let good = bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    let before = bed.agents();
    publish(&bed);
    let line = bed.wait_for(words);
    assert!(line.contains("WARN"), "{line}");
    assert!(line.contains("what is installed keeps running"), "{line}");
    // Tried again, later each time, and not complained about again.
    let asked = bed.server.requests();
    wait_until("another try", || {
        (bed.server.requests() > asked).then_some(())
    });
    assert_eq!(bed.launcher().lines(words).len(), 1);
    assert_eq!(bed.agents(), before);
    assert_eq!(bed.page(Component::Agent).committed(), Some(good));
    line
}

fn next_agent() -> Vec<u8> {
    Manner::Good.script("0.2.0").into_bytes()
}

#[test]
fn a_bad_signature() {
    let line = refused(
        |bed| {
            let manifest = bed.manifest(2, &[(Component::Agent, &next_agent())]);
            let stranger = Keypair::from_seed([9; 32]);
            bed.publish_signed(&sign(&manifest.to_payload().unwrap(), &[&stranger]));
        },
        &["manifest refused", "bad signature"],
    );
    assert!(line.contains("file=stable/manifest.json"), "{line}");
}

#[test]
fn an_older_manifest() {
    refused(
        |bed| {
            let newer = bed.manifest(5, &[]);
            bed.publish_signed(&bed.sign(&newer));
            let stored = bed.state.manifest();
            wait_until("the newer one", || {
                fs::read_to_string(&stored)
                    .ok()
                    .filter(|text| text.contains("envelope"))
            });
            let accepted = || fs::read_to_string(bed.state.log("launcher")).unwrap();
            wait_until("the newer one's line", || {
                accepted().contains("serial=5").then_some(())
            });
            let older = bed.manifest(4, &[(Component::Agent, &next_agent())]);
            bed.publish_signed(&bed.sign(&older));
        },
        &["manifest refused", "serial 4 is older than 5"],
    );
}

#[test]
fn a_wrong_hash() {
    let digest = Digest::of(&next_agent());
    let line = refused(
        |bed| {
            let manifest = bed.manifest(2, &[(Component::Agent, &next_agent())]);
            let mut other = next_agent();
            other[20] ^= 1;
            fs::write(bed.tree(&format!("blobs/{digest}")), other).unwrap();
            bed.publish_signed(&bed.sign(&manifest));
        },
        &["agent 0.2.0 not installed", "its sha256 is"],
    );
    assert!(line.contains(&format!("file=blobs/{digest}")), "{line}");
}

#[test]
fn a_truncated_body() {
    let digest = Digest::of(&next_agent());
    refused(
        |bed| {
            let manifest = bed.manifest(2, &[(Component::Agent, &next_agent())]);
            fs::write(bed.tree(&format!("blobs/{digest}.cut")), "").unwrap();
            bed.publish_signed(&bed.sign(&manifest));
        },
        &["agent 0.2.0 not installed", "the connection broke after"],
    );
}

#[test]
fn a_wrong_size() {
    for (difference, words) in [(-1, "it is longer than"), (1, "it is truncated")] {
        refused(
            |bed| {
                let mut manifest = bed.manifest(2, &[(Component::Agent, &next_agent())]);
                let size = &mut manifest.releases[0].targets[0].size;
                *size = size.checked_add_signed(difference).unwrap();
                bed.publish_signed(&bed.sign(&manifest));
            },
            &["agent 0.2.0 not installed", words],
        );
    }
}

#[test]
fn a_login_page() {
    refused(
        |bed| fs::write(bed.tree("stable/manifest.json.page"), "").unwrap(),
        &["cannot fetch the manifest", "web page"],
    );
}

#[test]
fn a_manifest_that_is_gone() {
    refused(
        |bed| fs::remove_file(bed.tree("stable/manifest.json")).unwrap(),
        &["cannot fetch the manifest", "answered 404"],
    );
}
