//! Taking back, going back, and lasting longer.

use jiff::SignedDuration;
use shared_release::{Downgrade, Hop, Installed, Wish};
use shared_slots::Digest;

use crate::Bed;

fn permission(to_seq: u64) -> Downgrade {
    Downgrade {
        component: "agent".to_owned(),
        to_seq,
        reason: "1.1.0 loses logs".to_owned(),
    }
}

impl Bed {
    fn two_releases() -> Self {
        let bed = Self::new();
        bed.publish("1.0.0");
        bed.file("agent", "agent 2");
        bed.publish("1.1.0");
        bed
    }

    /// The version that a host with this agent goes to.
    fn next_for(&self, agent: &str, seq: u64) -> Option<String> {
        let manifest = self.manifest();
        let installed = Installed {
            seq,
            digest: Digest::of(agent.as_bytes()),
        };
        let hop = manifest.next_hop(&Wish {
            component: "agent",
            os: "linux",
            arch: "x86_64",
            installed: Some(installed),
            pin: None,
        });
        match hop {
            Hop::Install(release, _) => Some(release.version.clone()),
            _ => None,
        }
    }
}

#[test]
fn a_revoked_version_is_adopted_by_nobody_and_a_permission_brings_hosts_back() {
    let bed = Bed::two_releases();
    assert_eq!(bed.next_for("agent 1", 1).as_deref(), Some("1.1.0"));
    let revoked = bed.publisher().revoke("stable", "1.1.0", &[]).unwrap();
    assert_eq!(revoked.serial, 3);
    let names: Vec<&str> = revoked
        .revoked
        .iter()
        .map(|(_, name)| name.as_str())
        .collect();
    assert_eq!(
        names,
        ["agent 1.1.0 for linux-x86_64"],
        "the launcher is that of 1.0.0 too"
    );
    assert_eq!(bed.next_for("agent 1", 1), None);
    assert_eq!(bed.next_for("agent 2", 2), None, "it stays, for now");
    let back = [permission(1)];
    bed.publisher().revoke("stable", "1.1.0", &back).unwrap();
    assert_eq!(bed.next_for("agent 2", 2).as_deref(), Some("1.0.0"));
    assert_eq!(bed.publisher().renew("stable", None).unwrap().serial, 5);
    assert_eq!(bed.next_for("agent 2", 2).as_deref(), Some("1.0.0"));
    bed.file("agent", "agent 3");
    bed.publish("1.2.0");
    assert_eq!(bed.next_for("agent 2", 2).as_deref(), Some("1.2.0"));
    let manifest = bed.manifest();
    assert!(manifest.allow_downgrade.is_empty(), "it has ended");
    assert!(manifest.is_revoked(&Digest::of(b"agent 2")), "for ever");
}

#[test]
fn one_file_can_be_taken_back_by_its_digest_published_here_or_not() {
    let bed = Bed::two_releases();
    let ours = Digest::of(b"agent 1");
    let foreign = Digest::of(b"somebody else's");
    for digest in [ours, foreign] {
        let text = digest.to_string();
        bed.publisher().revoke("stable", &text, &[]).unwrap();
        assert!(bed.manifest().is_revoked(&digest));
        assert!(
            bed.publisher().revoke("stable", &text, &[]).is_err(),
            "once"
        );
    }
    assert_eq!(bed.manifest().serial, 4);
}

#[test]
fn a_slip_of_the_pen_is_no_permission_to_go_back() {
    let bed = Bed::two_releases();
    for permissions in [vec![], vec![permission(1)]] {
        let unknown = bed.publisher().revoke("stable", "1.1.O", &permissions);
        let text = unknown.unwrap_err().to_string();
        assert!(text.contains("1.1.O"), "{text}");
    }
    assert_eq!(bed.manifest().serial, 2);
}

#[test]
fn a_permission_replaces_the_one_before() {
    let bed = Bed::two_releases();
    for to_seq in [1, 2, 2] {
        let back = [permission(to_seq)];
        bed.publisher().revoke("stable", "1.1.0", &back).unwrap();
    }
    assert_eq!(bed.manifest().allow_downgrade, [permission(2)]);
}

#[test]
fn a_revoked_file_is_not_published_again() {
    let bed = Bed::two_releases();
    bed.publisher().revoke("stable", "1.1.0", &[]).unwrap();
    let again = bed.publisher().publish(&bed.draft("1.2.0")).unwrap_err();
    assert!(again.to_string().contains("was revoked"), "{again}");
    bed.file("agent", "agent 3");
    bed.publish("1.2.0");
}

#[test]
fn whoever_is_left_where_he_is_gets_named() {
    let bed = Bed::two_releases();
    let told = std::cell::RefCell::new(String::new());
    let tell = |line: &str| told.borrow_mut().push_str(line);
    let mut publisher = bed.publisher();
    publisher.tell = &tell;
    publisher.revoke("stable", "1.1.0", &[]).unwrap();
    assert!(
        told.borrow()
            .contains("--allow-downgrade \"agent:1:REASON\""),
        "{told:?}"
    );
    told.borrow_mut().clear();
    publisher
        .revoke("stable", "1.1.0", &[permission(1)])
        .unwrap();
    assert_eq!(*told.borrow(), "");
}

#[test]
fn a_renewed_manifest_lasts_longer_and_says_the_same() {
    let bed = Bed::two_releases();
    let before = bed.manifest();
    let day = SignedDuration::from_hours(24);
    bed.publisher().renew("stable", Some(day)).unwrap();
    let after = bed.manifest();
    assert_eq!(after.serial, before.serial + 1);
    assert_eq!(after.issued.duration_until(after.expires), day);
    assert_eq!(after.releases, before.releases);
}

#[test]
fn a_clock_that_was_set_back_never_dates_a_manifest_before_the_last_one() {
    let bed = Bed::two_releases();
    let issued = bed.manifest().issued;
    let mut publisher = bed.publisher();
    publisher.now = jiff::Timestamp::UNIX_EPOCH;
    publisher.renew("stable", None).unwrap();
    assert_eq!(bed.manifest().issued, issued);
}
