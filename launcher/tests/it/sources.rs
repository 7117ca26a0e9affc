//! Where releases come from: new roots, mirrors, folders, deltas; and the plugins of an agent.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use shared_handover::layout::Component;
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
fn what_a_folder_brought_goes_on_whatever_the_server_says() {
    for server_is_older in [true, false] {
        let mut bed = Bed::new();
        bed.publish_agent(1, Manner::Good);
        bed.start();
        bed.wait_for(&["agent committed", "0.1.0"]);
        bed.launcher().lose_bootstrapper();
        assert_eq!(bed.launcher().exit_code(), Some(11));
        // The folder has the newer release, and this launcher is not to install it.
        let (on_server, older) = (bed.tree("stable/manifest.json"), bed.tree("../older"));
        fs::copy(&on_server, &older).unwrap();
        let second = bed.publish_agent(2, Manner::Good);
        let dropped = bed.tree("../dropped/v1/stable");
        fs::create_dir_all(&dropped).unwrap();
        fs::rename(&on_server, dropped.join("manifest.json")).unwrap();
        bed.start_with(launcher(), |command| {
            let drop_dir = dropped.ancestors().nth(2).unwrap();
            command
                .args(["--update-mode", "off", "--drop-dir"])
                .arg(drop_dir);
        });
        bed.wait_for(&["agent 0.2.0 waits"]);
        bed.launcher().lose_bootstrapper();
        assert_eq!(bed.launcher().exit_code(), Some(11));
        // The next one may, and hears no more of it.
        if server_is_older {
            fs::rename(&older, &on_server).unwrap();
        }
        bed.start();
        bed.wait_for(&["agent committed", "0.2.0"]);
        assert_eq!(bed.page(Component::Agent).committed(), Some(second));
    }
}

#[test]
fn a_base_that_the_signed_root_names_does_where_the_server_is_gone() {
    let mut bed = Bed::new();
    let base = format!("{}/releases", bed.server.url);
    bed.name_base(&base);
    bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    bed.launcher().lose_bootstrapper();
    assert_eq!(bed.launcher().exit_code(), Some(11));
    bed.publish_agent(2, Manner::Good);
    bed.start_with(launcher(), |command| {
        command.args(["--release-url", NOBODY]);
    });
    bed.wait_for(&["agent committed", "0.2.0"]);
}

#[test]
fn all_that_is_fetched_goes_through_the_proxy() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    let proxy = bed.server.url.clone();
    bed.start_with(launcher(), |command| {
        command.args(["--release-url", "http://releases.invalid/releases"]);
        command.args(["--proxy", &proxy]);
    });
    bed.wait_for(&["agent committed", "0.1.0"]);
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
