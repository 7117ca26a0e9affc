//! Asking for the manifest, and comparing it with what is installed.
//!
//! The comparison is pure: [`plan`] says which version to install next, if any, and why a newer one
//! is left alone. The launcher goes before the agent.

use std::env::consts::{ARCH, OS};
use std::fmt;

use shared_fetch::{FetchError, Fetcher, ManifestReply};
use shared_handover::layout::Component;
use shared_release::{MAX_SIGNED, Manifest};
use shared_slots::{Digest, Moment, Page};

use crate::upgrade::Task;

/// Asks the release tree at `base` for the manifest of a channel.
pub(crate) async fn ask(
    fetcher: &Fetcher,
    base: &str,
    channel: &str,
    etag: Option<&str>,
) -> Result<ManifestReply, FetchError> {
    let url = format!("{base}/v1/{channel}/manifest.json");
    fetcher.manifest(&url, etag, MAX_SIGNED).await
}

/// What is installed on this host.
#[derive(Debug)]
pub(crate) struct Installed<'a> {
    /// Digest of the launcher that runs; `None` if no bootstrapper could start another one.
    pub(crate) launcher: Option<Digest>,
    pub(crate) launcher_page: &'a Page,
    pub(crate) agent_page: &'a Page,
    pub(crate) now: Moment,
    /// Files that came wrong and are not fetched again yet.
    pub(crate) spoiled: &'a [Digest],
}

/// What follows from a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    /// What to install next.
    pub(crate) task: Option<Task>,
    /// Versions that differ from the installed ones and are left alone.
    pub(crate) skipped: Vec<Skipped>,
}

/// A version that is left alone, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) component: Component,
    pub(crate) version: String,
    pub(crate) why: Why,
}

/// Why a version is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The release has no file that this machine can run.
    NoTarget,
    /// The release itself takes it back.
    Revoked,
    /// It failed here, and its hold has not ended.
    Held(shared_slots::Reason),
    /// Its file came wrong a while ago, and is fetched again later.
    Spoiled,
    /// It is armed, and the bootstrapper has yet to start it.
    AwaitsStart,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTarget => write!(f, "the release has no file for {OS}-{ARCH}"),
            Self::Revoked => f.write_str("the release takes it back"),
            Self::Held(reason) => {
                write!(
                    f,
                    "it was rejected here and is held back: {}",
                    reason.text()
                )
            }
            Self::Spoiled => f.write_str("its file came wrong; it is fetched again later"),
            Self::AwaitsStart => f.write_str("it waits for the bootstrapper to start it"),
        }
    }
}

/// Compares a manifest with what is installed.
pub(crate) fn plan(manifest: &Manifest, installed: &Installed<'_>) -> Plan {
    let mut plan = Plan::default();
    for component in Component::ALL {
        match next_version(manifest, component, installed) {
            Some(Ok(task)) => {
                plan.task = Some(task);
                break;
            }
            Some(Err(skipped)) => plan.skipped.push(skipped),
            None => {}
        }
    }
    plan
}

/// The version of one component to install; `None` if it is the installed one.
fn next_version(
    manifest: &Manifest,
    component: Component,
    installed: &Installed<'_>,
) -> Option<Result<Task, Skipped>> {
    let release = manifest.release(component.name())?;
    let skip = |why| {
        Some(Err(Skipped {
            component,
            version: release.version.clone(),
            why,
        }))
    };
    let Some(target) = release.target_for(OS, ARCH) else {
        return skip(Why::NoTarget);
    };
    let digest = target.sha256;
    let page = match component {
        Component::Launcher => {
            let own = installed.launcher?;
            if own == digest {
                return None;
            }
            installed.launcher_page
        }
        Component::Agent => installed.agent_page,
    };
    if page.committed() == Some(digest) {
        return None;
    }
    if manifest.is_revoked(&digest) {
        return skip(Why::Revoked);
    }
    if component == Component::Launcher && page.trial().is_some_and(|t| t.digest == digest) {
        return skip(Why::AwaitsStart);
    }
    // With nothing else to run, a version that failed is better than none.
    if page.committed().is_some()
        && let Some(bad) = page.held(digest, installed.now)
    {
        return skip(Why::Held(bad.reason));
    }
    if installed.spoiled.contains(&digest) {
        return skip(Why::Spoiled);
    }
    Some(Ok(Task {
        component,
        version: release.version.clone(),
        digest,
        size: target.size,
        urls: target.url.clone(),
        serial: manifest.serial,
    }))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use shared_release::{Release, Target};
    use shared_slots::Reason;

    use super::*;

    const LATER: Moment = Moment {
        boot: [1; 16],
        seconds: 100_000,
    };

    fn digest(n: u8) -> Digest {
        Digest::from_bytes([n; 32])
    }

    /// A release of launcher 11 and agent 21.
    fn manifest() -> Manifest {
        let day = |n: i64| Timestamp::from_second(n * 86_400).unwrap();
        let mut manifest = Manifest::new("stable", 5, day(1), day(9));
        manifest.releases = [(Component::Launcher, 11), (Component::Agent, 21)]
            .map(|(component, n)| Release {
                component: component.name().into(),
                version: format!("v{n}"),
                seq: 5,
                min_from_seq: 0,
                barrier: false,
                security: false,
                targets: vec![Target {
                    os: OS.into(),
                    arch: ARCH.into(),
                    sha256: digest(n),
                    size: 9,
                    url: vec![format!("blobs/{n}")],
                    enc: None,
                }],
            })
            .into();
        manifest
    }

    fn committed(n: u8) -> Page {
        Page::default().arm(digest(n), 1).unwrap().commit().unwrap()
    }

    fn rejected(page: Page, n: u8) -> Page {
        page.arm(digest(n), 1)
            .unwrap()
            .reject(Reason::NoAnswer, LATER)
            .unwrap()
    }

    fn planned(launcher: Option<u8>, launcher_page: &Page, agent_page: &Page) -> Plan {
        let installed = Installed {
            launcher: launcher.map(digest),
            launcher_page,
            agent_page,
            now: LATER,
            spoiled: &[],
        };
        plan(&manifest(), &installed)
    }

    fn wanted(plan: &Plan) -> Option<u8> {
        Some(plan.task.as_ref()?.digest.as_bytes()[0])
    }

    #[test]
    fn the_launcher_goes_first_and_then_the_agent() {
        let old = (committed(10), committed(20));
        assert_eq!(wanted(&planned(Some(10), &old.0, &old.1)), Some(11));
        assert_eq!(wanted(&planned(Some(11), &old.0, &old.1)), Some(21));
        let done = planned(Some(11), &committed(11), &committed(21));
        assert_eq!(done, Plan::default());
    }

    #[test]
    fn a_host_with_nothing_gets_an_agent() {
        let plan = planned(Some(11), &committed(11), &Page::default());
        let task = plan.task.unwrap();
        assert_eq!((task.component, task.serial), (Component::Agent, 5));
        assert_eq!(task.urls, ["blobs/21"]);
    }

    #[test]
    fn without_a_bootstrapper_the_launcher_stays_what_it_is() {
        assert_eq!(
            wanted(&planned(None, &committed(10), &committed(20))),
            Some(21)
        );
    }

    #[test]
    fn an_armed_launcher_is_not_armed_again() {
        let armed = committed(10).arm(digest(11), 3).unwrap();
        let plan = planned(Some(10), &armed, &committed(21));
        assert_eq!(plan.task, None);
        assert_eq!(plan.skipped[0].why, Why::AwaitsStart);
    }

    #[test]
    fn a_rejected_launcher_does_not_hold_the_agent_back() {
        let plan = planned(Some(10), &rejected(committed(10), 11), &committed(20));
        assert_eq!(plan.skipped[0].why, Why::Held(Reason::NoAnswer));
        assert_eq!(wanted(&plan), Some(21));
    }

    #[test]
    fn a_rejected_agent_is_tried_again_only_where_nothing_else_could_run() {
        let launcher = committed(11);
        let with_other = rejected(committed(20), 21);
        assert_eq!(wanted(&planned(Some(11), &launcher, &with_other)), None);
        let alone = rejected(Page::default(), 21);
        assert_eq!(wanted(&planned(Some(11), &launcher, &alone)), Some(21));
    }

    #[test]
    fn a_revoked_or_missing_file_is_left_alone() {
        let mut release = manifest();
        release.revoked = vec![digest(21)];
        release.releases[0].targets[0].os = "plan9".into();
        let installed = Installed {
            launcher: Some(digest(10)),
            launcher_page: &committed(10),
            agent_page: &committed(20),
            now: LATER,
            spoiled: &[],
        };
        let whys: Vec<Why> = plan(&release, &installed)
            .skipped
            .iter()
            .map(|skipped| skipped.why)
            .collect();
        assert_eq!(whys, [Why::NoTarget, Why::Revoked]);
    }

    #[test]
    fn a_file_that_came_wrong_holds_back_its_component_only() {
        let spoiled = [digest(11)];
        let installed = Installed {
            launcher: Some(digest(10)),
            launcher_page: &committed(10),
            agent_page: &committed(20),
            now: LATER,
            spoiled: &spoiled,
        };
        let plan = plan(&manifest(), &installed);
        assert_eq!(plan.skipped[0].why, Why::Spoiled);
        assert_eq!(wanted(&plan), Some(21));
    }

    proptest! {
        #[test]
        fn a_held_digest_is_never_armed_while_it_is_held(times in 1_u8..5, after in 0_u32..200_000) {
            let mut page = committed(20);
            for _ in 0..times {
                page = rejected(page, 21);
            }
            let now = Moment { seconds: LATER.seconds + after, ..LATER };
            let held = page.held(digest(21), now).is_some();
            let installed = Installed {
                launcher: None, launcher_page: &Page::default(), agent_page: &page, now, spoiled: &[],
            };
            prop_assert_eq!(plan(&manifest(), &installed).task.is_none(), held);
        }
    }
}
