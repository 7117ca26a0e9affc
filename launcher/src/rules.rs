//! When this host may adopt a release: `policy.json`, and what somebody ordered by hand.
//!
//! The file is read again at each check, so that an operator's word counts at once. It decides
//! about releases only: what was taken back, crashes, or is missing altogether is replaced at once.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use shared_control::policy::{MAX_BYTES, Mode};
use shared_control::{Decision, Policy, Wait};
use shared_handover::layout::Component;
use shared_slots::{Fs as _, OsFs};

use crate::upgrade::Task;

/// The rules of this host.
#[derive(Debug)]
pub(crate) struct Rules {
    path: PathBuf,
    /// What the command line says, where the file is silent.
    mode: Mode,
    policy: Policy,
    trouble: Option<String>,
    by_hand: Option<ByHand>,
}

/// Somebody wants the next release now; with a version, that one.
#[derive(Debug)]
struct ByHand {
    to: Option<String>,
}

/// What the rules say against a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objection {
    /// A fragment that fits after ": ".
    pub(crate) why: String,
    /// When it may be adopted, if that is known.
    pub(crate) until: Option<Timestamp>,
    /// Whether it may be fetched meanwhile, to be ready.
    pub(crate) may_fetch: bool,
}

impl Rules {
    /// Reads the policy.
    pub(crate) fn load(path: &Path, mode: Mode) -> Self {
        let mut rules = Self {
            path: path.to_owned(),
            mode,
            policy: Policy::default(),
            trouble: None,
            by_hand: None,
        };
        rules.reload();
        rules
    }

    /// Reads it again. One that makes no sense lets nothing be adopted; one that cannot be read now
    /// leaves things as they are.
    pub(crate) fn reload(&mut self) {
        let most = MAX_BYTES as u64 + 1;
        match OsFs.read("policy.read", &self.path, most) {
            Ok(bytes) => match Policy::parse(&bytes) {
                Ok(mut policy) => {
                    policy.mode.get_or_insert(self.mode);
                    (self.policy, self.trouble) = (policy, None);
                }
                Err(error) => {
                    self.policy = Policy::unusable(&error);
                    self.trouble = Some(error.to_string());
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.policy = Policy {
                    mode: Some(self.mode),
                    ..Policy::default()
                };
                self.trouble = None;
            }
            Err(error) => self.trouble = Some(error.to_string()),
        }
    }

    /// The policy in force.
    pub(crate) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What is wrong with the file.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Somebody orders the next release, or this version of it.
    pub(crate) fn order(&mut self, to: Option<String>) {
        self.by_hand = Some(ByHand { to });
    }

    /// The order was carried out or came to nothing.
    pub(crate) fn order_ends(&mut self) {
        self.by_hand = None;
    }

    /// The versions that components are to be at.
    pub(crate) fn pins(&self, now: Timestamp) -> HashMap<Component, String> {
        let ordered = self.by_hand.as_ref().and_then(|order| order.to.clone());
        let pin = |component| {
            let pinned = self.policy.pin_of(component, now).map(str::to_owned);
            Some((component, pinned.or_else(|| ordered.clone())?))
        };
        Component::ALL.into_iter().filter_map(pin).collect()
    }

    /// What stands against a version now.
    pub(crate) fn objection(&self, task: &Task, now: Timestamp) -> Option<Objection> {
        if task.cause.is_urgent() {
            return None;
        }
        let (version, zoned) = (&task.version, now.to_zoned(TimeZone::UTC));
        let decision = if self.by_hand.is_some() {
            self.policy.decide_by_hand(task.component, version, &zoned)
        } else {
            self.policy
                .decide(task.component, version, task.security, &zoned)
        };
        match decision {
            Decision::Go => None,
            Decision::Wait { until, why } => Some(Objection {
                may_fetch: matches!(why, Wait::Window | Wait::Blackout { .. }),
                why: why.to_string(),
                until: Some(until),
            }),
            Decision::Never { why } => Some(Objection {
                why: why.to_string(),
                until: None,
                may_fetch: false,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::upgrade::{Cause, Supply};

    /// A Saturday noon.
    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn task(cause: Cause, security: bool) -> Task {
        Task {
            component: Component::Agent,
            version: "2.0.0".into(),
            digest: shared_slots::Digest::from_bytes([2; 32]),
            size: 1,
            serial: 2,
            security,
            plugins: None,
            supply: Supply::Store,
            cause,
        }
    }

    fn rules(policy: &str) -> Rules {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.json");
        fs::write(&path, policy).unwrap();
        Rules::load(&path, Mode::Auto)
    }

    const NIGHTS: &str =
        r#"{"mode": "window", "windows": [{"from": "22:00", "to": "04:00", "zone": "UTC"}]}"#;

    #[test]
    fn a_closed_window_lets_a_release_be_fetched_but_not_adopted() {
        let objection = rules(NIGHTS).objection(&task(Cause::Release, false), now());
        let objection = objection.unwrap();
        assert!(objection.may_fetch, "{objection:?}");
        assert_eq!(
            objection.until,
            Some("2026-11-21T22:00:00Z".parse().unwrap())
        );
        assert_eq!(
            rules(NIGHTS).objection(&task(Cause::Release, true), now()),
            None
        );
    }

    #[test]
    fn what_is_urgent_asks_for_no_leave() {
        for cause in [Cause::Revoked, Cause::CrashLoop, Cause::Asked] {
            let off = rules(r#"{"mode": "off"}"#);
            assert!(off.objection(&task(Cause::Release, true), now()).is_some());
            assert_eq!(off.objection(&task(cause, false), now()), None);
        }
    }

    #[test]
    fn an_order_goes_over_mode_and_window_but_not_over_a_hold() {
        for (policy, goes) in [
            (NIGHTS, true),
            (r#"{"mode": "off"}"#, true),
            (r#"{"hold": {"reason": "holidays"}}"#, false),
        ] {
            let mut rules = rules(policy);
            assert!(
                rules
                    .objection(&task(Cause::Release, false), now())
                    .is_some()
            );
            rules.order(None);
            let objection = rules.objection(&task(Cause::Release, false), now());
            assert_eq!(objection.is_none(), goes, "{policy}: {objection:?}");
        }
    }

    #[test]
    fn a_file_that_makes_no_sense_adopts_nothing_and_a_missing_one_is_the_default() {
        let unusable = rules("{");
        assert!(unusable.trouble().is_some());
        let objection = unusable.objection(&task(Cause::Release, false), now());
        assert!(objection.unwrap().why.contains("policy.json"));
        let missing = Rules::load(Path::new("/nowhere/policy.json"), Mode::Off);
        assert!(missing.trouble().is_none());
        assert!(
            missing
                .objection(&task(Cause::Release, false), now())
                .is_some()
        );
    }

    #[test]
    fn a_file_that_names_no_mode_leaves_that_of_the_command_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.json");
        fs::write(
            &path,
            r#"{"pins": [{"component": "launcher", "version": "1"}]}"#,
        )
        .unwrap();
        let rules = Rules::load(&path, Mode::Off);
        assert!(
            rules
                .objection(&task(Cause::Release, false), now())
                .is_some()
        );
    }

    #[test]
    fn an_order_names_a_version_unless_one_is_pinned() {
        let mut auto = rules("{}");
        auto.order(Some("1.9.0".into()));
        assert_eq!(auto.pins(now())[&Component::Agent], "1.9.0");
        let pin = r#"{"pins": [{"component": "agent", "version": "1.4.2"}]}"#;
        let mut pinned = rules(pin);
        pinned.order(Some("1.9.0".into()));
        assert_eq!(pinned.pins(now())[&Component::Agent], "1.4.2");
    }
}
