//! Where releases come from: new roots, mirrors, folders, deltas; and the plugins of an agent.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use shared_delta::Algorithm;
use shared_handover::layout::Component;
use shared_release::{Delta, Encoded, Release};
use shared_slots::Digest;

use crate::bed::{Bed, plain, wait_until};
use crate::fake_agent::Manner;

/// An address at which nobody listens.
const NOBODY: &str = "http://127.0.0.1:9";

fn launcher() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_launcher"))
}

#[test]
fn a_host_follows_new_roots_to_a_manifest_that_only_they_allow() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    for seed in [11, 12, 13] {
        bed.rotate(seed);
    }
    bed.publish_agent(2, Manner::Good);
    bed.wait_for(&["new trust root", "version=4"]);
    bed.wait_for(&["agent committed", "0.2.0"]);
    // The next launcher has the chain on its disk.
    bed.launcher().lose_bootstrapper();
    assert_eq!(bed.launcher().exit_code(), Some(11));
    fs::remove_dir_all(bed.tree("roots")).unwrap();
    bed.start();
    bed.publish_agent(3, Manner::Good);
    bed.wait_for(&["agent committed", "0.3.0"]);
}

#[test]
fn a_mirror_does_where_the_server_is_gone() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    let mirror = format!("{}/releases", bed.server.url);
    bed.start_with(launcher(), |command| {
        command.args(["--release-url", NOBODY, "--mirror", &mirror]);
    });
    bed.wait_for(&["agent committed", "0.1.0"]);
}

#[test]
fn a_folder_does_where_there_is_no_network() {
    let mut bed = Bed::new();
    let first = bed.publish_agent(1, Manner::Good);
    let drop_dir = bed.tree("../dropped");
    fs::create_dir(&drop_dir).unwrap();
    symlink(bed.tree(""), drop_dir.join("v1")).unwrap();
    bed.start_with(launcher(), |command| {
        command
            .args(["--release-url", NOBODY, "--drop-dir"])
            .arg(&drop_dir);
    });
    bed.wait_for(&["downloaded", "way=local"]);
    bed.wait_for(&["agent committed", "0.1.0"]);
    assert_eq!(bed.page(Component::Agent).committed(), Some(first));
}

#[test]
fn an_agent_comes_as_a_delta_and_a_delta_that_does_not_fit_costs_only_itself() {
    let mut bed = Bed::new();
    let script = |serial: u64| Manner::Good.script(&format!("0.{serial}.0")).into_bytes();
    let lay = |bed: &Bed, name: &str, bytes: &[u8]| {
        fs::write(bed.tree(name), bytes).unwrap();
        (vec![name.to_owned()], bytes.len() as u64, Digest::of(bytes))
    };
    bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    for (serial, way) in [(2, "way=delta"), (3, "way=zstd")] {
        let (old, new) = (script(serial - 1), script(serial));
        let mut manifest = bed.manifest(serial, &[(Component::Agent, &new)]);
        let target = &mut manifest.releases[0].targets[0];
        let mut patch = shared_delta::create(Algorithm::Bsdiff4, &old, &new).unwrap();
        if serial == 3 {
            patch.truncate(8);
        }
        let (url, size, sha256) = lay(&bed, &format!("blobs/delta-{serial}"), &patch);
        target.deltas = vec![Delta {
            from: Digest::of(&old),
            algo: "bsdiff4".to_owned(),
            url,
            size,
            sha256,
        }];
        let whole = shared_delta::encode_zstd(&new).unwrap();
        let (url, size, sha256) = lay(&bed, &format!("blobs/zstd-{serial}"), &whole);
        target.encoded = vec![Encoded {
            enc: "zstd".to_owned(),
            url,
            // So small a file is not made smaller by any patch.
            size: size.max(target.deltas[0].size + 1),
            sha256,
        }];
        target.encoded[0].size = size;
        bed.publish(&manifest);
        let version = format!("0.{serial}.0");
        let line = bed.wait_for(&["downloaded", &version]);
        if target_is_smaller(&manifest.releases[0]) {
            assert!(line.contains(way), "{line}");
        }
        bed.wait_for(&["agent committed", &version]);
    }
}

/// Whether the delta is worth taking.
fn target_is_smaller(release: &Release) -> bool {
    let target = &release.targets[0];
    target.deltas[0].size < target.encoded[0].size
}

#[test]
fn an_agent_gets_its_plugins_and_does_without_those_that_do_not_come() {
    let mut bed = Bed::new();
    let archive = b"an archive of plugins";
    let seen = bed.state.root().join("plugins-seen");
    for (serial, comes) in [(1, true), (2, false)] {
        let mut plugins = bed.agent(serial, Manner::Good);
        plugins.component = "plugins".to_owned();
        plugins.targets = vec![plain(archive)];
        let blob = bed.tree(&format!("blobs/{}", Digest::of(archive)));
        fs::write(&blob, archive).unwrap();
        if !comes {
            plugins.targets = vec![plain(b"another archive")];
        }
        let mut manifest = bed.manifest(serial, &[]);
        manifest.releases = vec![bed.agent(serial, Manner::Good), plugins];
        bed.publish(&manifest);
        if serial == 1 {
            bed.start();
        } else {
            bed.wait_for(&["without its plugins", "0.2.0"]);
        }
        bed.wait_for(&["agent committed", &format!("0.{serial}.0")]);
        let path = wait_until("the word of the agent", || {
            fs::read_to_string(&seen)
                .ok()
                .filter(|text| text.ends_with('\n'))
        });
        fs::remove_file(&seen).unwrap();
        let given = fs::read(path.trim()).ok();
        assert_eq!(given.as_deref(), comes.then_some(archive.as_slice()));
    }
}
