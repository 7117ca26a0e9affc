//! `release list` and `release show`: the tree as it is, for people and for programs.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use server_releases::{Manifest, Release, RootSummary, Tree};

use crate::cli::release::{List, Show};
use crate::print;
use crate::release::tree;

/// Components in the order in which they are shown.
const COMPONENTS: [&str; 3] = ["launcher", "agent", "plugins"];

pub(crate) fn list(args: &List) -> Result<()> {
    let tree = tree(&args.data)?;
    let mut manifests = Vec::new();
    for channel in tree.channels()? {
        manifests.extend(tree.current(&channel)?);
    }
    if args.json {
        let all: Vec<Value> = manifests.iter().map(short).collect();
        return print_json(&Value::Array(all));
    }
    if manifests.is_empty() {
        return print("nothing was published");
    }
    for manifest in manifests {
        print(&heading(&manifest))?;
        for release in COMPONENTS.iter().filter_map(|name| manifest.release(name)) {
            print(&format!("  {}", versioned(release, &manifest)))?;
        }
    }
    Ok(())
}

pub(crate) fn show(args: &Show) -> Result<()> {
    let tree = tree(&args.data)?;
    let manifest = tree.current(&args.channel)?;
    if args.json {
        let root = tree.summary()?.as_ref().map(root_json);
        let manifest = manifest.map(|manifest| serde_json::to_value(&manifest));
        let manifest = manifest.transpose().context("write the manifest as JSON")?;
        return print_json(&json!({ "root": root, "manifest": manifest }));
    }
    print_root(&tree)?;
    let Some(manifest) = manifest else {
        return print(&format!(
            "nothing was published in channel {}",
            args.channel
        ));
    };
    print(&heading(&manifest))?;
    let mut releases: Vec<&Release> = manifest.releases.iter().collect();
    releases.sort_by_key(|release| {
        let rank = COMPONENTS
            .iter()
            .position(|name| *name == release.component);
        (rank, std::cmp::Reverse(release.seq))
    });
    for release in releases {
        print(&format!("  {}", versioned(release, &manifest)))?;
        for target in &release.targets {
            let revoked = if manifest.is_revoked(&target.sha256) {
                "  REVOKED"
            } else {
                ""
            };
            let zstd = target.encoded("zstd");
            let zstd = zstd.map_or(String::new(), |zstd| format!(", zstd {}", zstd.size));
            let deltas = match target.deltas.len() {
                0 => String::new(),
                count => format!(", {count} deltas"),
            };
            print(&format!(
                "    {}-{}  {}  {} bytes{zstd}{deltas}{revoked}",
                target.os, target.arch, target.sha256, target.size
            ))?;
        }
    }
    for allowed in &manifest.allow_downgrade {
        print(&format!(
            "  {} may go back to seq {}: {}",
            allowed.component, allowed.to_seq, allowed.reason
        ))?;
    }
    Ok(())
}

/// The trust root and its keys.
pub(crate) fn print_root(tree: &Tree) -> Result<()> {
    let Some(root) = tree.summary()? else {
        return print("there is no trust root; `release init-keys` or `release publish` makes one");
    };
    print(&format!(
        "root {}: {} root and {} release signatures needed, to be replaced before {}",
        root.version, root.thresholds[0], root.thresholds[1], root.expires
    ))?;
    for key in &root.keys {
        print(&format!("  {:7}  {}  {}", key.role, key.id, key.place))?;
    }
    for url in &root.base_urls {
        print(&format!("  hosts fetch from {url}"))?;
    }
    Ok(())
}

fn heading(manifest: &Manifest) -> String {
    format!(
        "{}: serial {}, issued {}, may be adopted until {}, signed under root {}",
        manifest.channel, manifest.serial, manifest.issued, manifest.expires, manifest.root
    )
}

fn versioned(release: &Release, manifest: &Manifest) -> String {
    let targets = &release.targets;
    let is_revoked = (targets.iter()).all(|target| manifest.is_revoked(&target.sha256));
    let min_from = match release.min_from_seq {
        0 => String::new(),
        seq => format!("  from seq {seq}"),
    };
    let mark = |is_so, word: &'static str| if is_so { word } else { "" };
    format!(
        "{:8}  {}  seq {}{min_from}{}{}{}",
        release.component,
        release.version,
        release.seq,
        mark(release.barrier, "  barrier"),
        mark(release.security, "  security"),
        mark(is_revoked, "  REVOKED"),
    )
}

fn short(manifest: &Manifest) -> Value {
    let newest = COMPONENTS.iter().filter_map(|name| manifest.release(name));
    let newest = newest.map(|release| {
        json!({ "component": release.component, "version": release.version, "seq": release.seq })
    });
    json!({
        "channel": manifest.channel,
        "serial": manifest.serial,
        "issued": manifest.issued.to_string(),
        "expires": manifest.expires.to_string(),
        "root": manifest.root,
        "newest": newest.collect::<Vec<_>>(),
    })
}

fn root_json(root: &RootSummary) -> Value {
    let keys = root.keys.iter().map(
        |key| json!({ "role": key.role, "id": key.id, "public": key.public, "place": key.place }),
    );
    json!({
        "version": root.version,
        "expires": root.expires.to_string(),
        "base_urls": root.base_urls,
        "root_threshold": root.thresholds[0],
        "release_threshold": root.thresholds[1],
        "keys": keys.collect::<Vec<_>>(),
    })
}

fn print_json(value: &Value) -> Result<()> {
    print(&serde_json::to_string_pretty(value).context("write JSON")?)
}
