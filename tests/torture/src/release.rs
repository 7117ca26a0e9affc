//! The publisher: keys, versions of launcher and agent, and signed manifests of them.
//!
//! Manifests are written as plain JSON, as any publisher could, so that the sweep also notices when
//! a launcher no longer reads what is published today.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::{fs, io};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared_delta::Algorithm;
use shared_handover::layout::Component;
use shared_release::{Keypair, sign};
use shared_slots::Digest;

/// The agent with this number has plugins.
const WITH_PLUGINS: u64 = 4;

/// The agent with this number can be had as a patch to the first one.
const AS_DELTA: u64 = 5;

/// A version of a component.
#[derive(Debug, Clone)]
pub(crate) struct Build {
    pub(crate) component: Component,
    pub(crate) seq: u64,
    pub(crate) manner: Manner,
    pub(crate) digest: Digest,
    pub(crate) bytes: Arc<Vec<u8>>,
}

/// How a build behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Manner {
    /// As it should.
    Good,
    /// Ends at once.
    Ends,
    /// Runs and never says a word.
    Silent,
    /// Says that it cannot run jobs here.
    Unfit,
    /// As it should, and of an agent the real one.
    Real,
}

impl Manner {
    /// Whether it may be kept.
    pub(crate) fn is_good(self) -> bool {
        matches!(self, Self::Good | Self::Real)
    }
}

/// A release: a launcher and an agent.
#[derive(Debug, Clone)]
pub(crate) struct Release {
    pub(crate) serial: u64,
    pub(crate) launcher: Build,
    pub(crate) agent: Build,
    /// Whether both may go back to it.
    pub(crate) downgrade: bool,
}

/// Makes builds and signs manifests.
pub(crate) struct Publisher {
    key: Keypair,
    launcher: Vec<u8>,
    fake_agent: String,
    agent: Vec<u8>,
    builds: Mutex<HashMap<(Component, u64, Manner), Build>>,
}

impl Publisher {
    /// With the real launcher and agent, and the program that stands in for an agent.
    pub(crate) fn new(launcher: &Path, agent: &Path, fake_agent: &Path) -> io::Result<Self> {
        Ok(Self {
            key: Keypair::from_seed([7; 32]),
            launcher: fs::read(launcher)?,
            fake_agent: fake_agent.display().to_string(),
            agent: fs::read(agent)?,
            builds: Mutex::default(),
        })
    }

    /// The trust root, for a host.
    pub(crate) fn root(&self) -> Vec<u8> {
        let role = json!({"kids": [self.key.kid()], "threshold": 1});
        let payload = json!({
            "type": "root",
            "version": 1,
            "keys": {(self.key.kid()): self.key.public_hex()},
            "roles": {"root": role, "release": role},
            "expires": expires(),
        });
        self.sign(&payload)
    }

    /// The launcher as it is installed with a host is number 1; later ones do the same and have
    /// another digest: bytes after the end of a program change nothing but its checksum.
    pub(crate) fn launcher(&self, seq: u64, manner: Manner) -> Build {
        self.build(Component::Launcher, seq, manner, || match manner {
            Manner::Good | Manner::Real if seq == 1 => self.launcher.clone(),
            Manner::Good | Manner::Real => {
                [&self.launcher, format!("launcher {seq}\n").as_bytes()].concat()
            }
            Manner::Ends | Manner::Unfit => format!("#!/bin/sh\nexit 3 # {seq}\n").into_bytes(),
            Manner::Silent => format!("#!/bin/sh\nexec sleep 600 # {seq}\n").into_bytes(),
        })
    }

    /// A script that starts the stand-in, or the real agent.
    pub(crate) fn agent(&self, seq: u64, manner: Manner) -> Build {
        self.build(Component::Agent, seq, manner, || {
            if manner == Manner::Real {
                return [&self.agent, format!("agent {seq}\n").as_bytes()].concat();
            }
            let run = match manner {
                Manner::Ends => "exit 7".to_owned(),
                Manner::Silent => "exec sleep 600".to_owned(),
                Manner::Good | Manner::Unfit | Manner::Real => format!(
                    "FAKE_AGENT='0.{seq}.0 {}' exec '{}'",
                    if manner == Manner::Good {
                        "good"
                    } else {
                        "unfit"
                    },
                    self.fake_agent
                ),
            };
            format!("#!/bin/sh\n# agent {seq}\n{run}\n").into_bytes()
        })
    }

    fn build(
        &self,
        component: Component,
        seq: u64,
        manner: Manner,
        make: impl FnOnce() -> Vec<u8>,
    ) -> Build {
        let mut builds = self.builds.lock().expect("no thread panics with the lock");
        let make = || {
            let bytes = make();
            Build {
                component,
                seq,
                manner,
                digest: Digest::of(&bytes),
                bytes: Arc::new(bytes),
            }
        };
        builds
            .entry((component, seq, manner))
            .or_insert_with(make)
            .clone()
    }

    /// The file with this digest, if it was ever built.
    pub(crate) fn blob(&self, digest: &str) -> Option<Arc<Vec<u8>>> {
        let builds = self.builds.lock().expect("no thread panics with the lock");
        let build = builds
            .values()
            .find(|build| build.digest.to_string() == digest)?;
        Some(Arc::clone(&build.bytes))
    }

    /// The signed manifest.
    pub(crate) fn manifest(&self, release: &Release) -> Vec<u8> {
        let entry = |build: &Build| {
            json!({
                "component": build.component.name(),
                "version": format!("0.{}.0", build.seq),
                "seq": build.seq,
                "targets": [{
                    "os": std::env::consts::OS,
                    "arch": std::env::consts::ARCH,
                    "sha256": build.digest.to_string(),
                    "size": build.bytes.len(),
                    "url": [format!("blobs/{}", build.digest)],
                }],
            })
        };
        let down = |build: &Build| {
            json!({
                "component": build.component.name(), "to_seq": build.seq, "reason": "a test",
            })
        };
        let both = [&release.launcher, &release.agent];
        let mut releases: Vec<serde_json::Value> = both.map(entry).into();
        if release.agent.seq == WITH_PLUGINS {
            let mut plugins = entry(&self.build(Component::Agent, 0, Manner::Good, || {
                b"stands for an archive".to_vec()
            }));
            plugins["component"] = json!("plugins");
            plugins["version"] = json!(format!("0.{WITH_PLUGINS}.0"));
            plugins["seq"] = json!(WITH_PLUGINS);
            releases.push(plugins);
        }
        if release.agent.seq == AS_DELTA && release.agent.manner == Manner::Good {
            releases[1]["targets"][0]["deltas"] = json!([self.delta(&release.agent)]);
        }
        let mut payload = json!({
            "type": "release",
            "format": 1,
            "channel": "stable",
            "serial": release.serial,
            "issued": Timestamp::now().to_string(),
            "expires": expires(),
            "root": 1,
            "releases": releases,
        });
        if release.downgrade {
            payload["allow_downgrade"] = json!(both.map(down));
        }
        self.sign(&payload)
    }

    /// The patch that makes this agent of the first one.
    fn delta(&self, agent: &Build) -> serde_json::Value {
        let first = self.agent(1, Manner::Good);
        let patch = self.build(Component::Agent, u64::MAX, Manner::Good, || {
            shared_delta::create(Algorithm::Zstd, &first.bytes, &agent.bytes)
                .expect("a patch between two small files can be made in memory")
        });
        json!({
            "from": first.digest.to_string(),
            "algo": Algorithm::Zstd.name(),
            "url": [format!("blobs/{}", patch.digest)],
            "size": patch.bytes.len(),
            "sha256": patch.digest.to_string(),
        })
    }

    fn sign(&self, payload: &serde_json::Value) -> Vec<u8> {
        sign(payload.to_string().as_bytes(), &[&self.key])
    }
}

fn expires() -> String {
    (Timestamp::now() + SignedDuration::from_hours(24)).to_string()
}
