//! What was complained about already, so that a trouble that lasts leaves one line and no storm.

use std::collections::BTreeMap;

/// A manifest that is not trusted.
pub(crate) const REFUSED: &str = "manifest refused";

/// A manifest that does not come.
pub(crate) const UNREACHABLE: &str = "cannot fetch the manifest";

/// The last reason of each complaint.
#[derive(Debug, Default)]
pub(crate) struct Complaints(BTreeMap<String, String>);

impl Complaints {
    /// Takes note of a complaint; whether it is worth a line.
    pub(crate) fn is_news(&mut self, what: &str, reason: &str) -> bool {
        self.0.insert(what.to_owned(), reason.to_owned()).as_deref() != Some(reason)
    }

    /// A manifest came and is trusted. Another one than before wipes the slate.
    pub(crate) fn manifest_came(&mut self, is_new: bool) {
        self.0
            .retain(|what, _| !is_new && what != REFUSED && what != UNREACHABLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_news() {
        let mut complaints = Complaints::default();
        assert!(complaints.is_news(UNREACHABLE, "refused"));
        assert!(!complaints.is_news(UNREACHABLE, "refused"));
        assert!(complaints.is_news("held back", "it exited"));
        assert!(complaints.is_news(UNREACHABLE, "no route"));
        complaints.manifest_came(false);
        assert!(complaints.is_news(UNREACHABLE, "no route"));
        assert!(!complaints.is_news("held back", "it exited"));
        complaints.manifest_came(true);
        assert!(complaints.is_news("held back", "it exited"));
    }
}
