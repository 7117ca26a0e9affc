//! Collecting signatures until a threshold is reached. Nothing is written before all are there.

use std::time::Duration;

use shared_release::{PublicKey, Role, RootPlan, Signature};

use crate::key_list::{Holder, KeyList, load};
use crate::{PublishError, command};

/// How keys are reached that are not files of this publisher.
#[derive(Debug, Clone)]
pub struct KeyAccess {
    /// Asked for keys that have neither file nor command in the list of keys.
    pub command: Option<String>,
    /// How long a command may take: somebody may have to touch a device.
    pub limit: Duration,
}

impl Default for KeyAccess {
    fn default() -> Self {
        Self {
            command: None,
            limit: Duration::from_mins(2),
        }
    }
}

/// The keys of a role that a root names, and how many must sign.
pub(crate) struct Wanted {
    pub(crate) role: Role,
    pub(crate) keys: Vec<PublicKey>,
    pub(crate) threshold: usize,
}

impl Wanted {
    pub(crate) fn root(plan: &RootPlan) -> Self {
        Self {
            role: Role::Root,
            keys: plan.root_keys.clone(),
            threshold: plan.root_threshold,
        }
    }

    pub(crate) fn release(plan: &RootPlan) -> Self {
        Self {
            role: Role::Release,
            keys: plan.release_keys.clone(),
            threshold: plan.release_threshold,
        }
    }
}

/// Adds signatures over `payload` to `have` until enough of the wanted keys have signed. Files
/// sign first; then commands are asked, no more of them than are needed.
pub(crate) fn collect(
    payload: &[u8],
    wanted: &Wanted,
    list: &KeyList,
    access: &KeyAccess,
    have: &mut Vec<Signature>,
) -> Result<(), PublishError> {
    let mut keys = wanted.keys.clone();
    keys.sort_by_key(|key| !matches!(list.holder(wanted.role, key), Holder::File(_)));
    let mut trouble = Vec::new();
    let is_done = |have: &[Signature]| {
        let signed = wanted.keys.iter().filter(|key| has_signed(have, key));
        signed.count() >= wanted.threshold
    };
    for key in keys {
        if is_done(have) {
            break;
        }
        if has_signed(have, &key) {
            continue;
        }
        match ask(payload, wanted.role, &key, list, access) {
            Ok(signature) => have.push(signature),
            Err(text) => trouble.push(text),
        }
    }
    if is_done(have) {
        return Ok(());
    }
    let signed = wanted.keys.iter().filter(|key| has_signed(have, key));
    Err(PublishError::Unsigned {
        role: wanted.role,
        have: signed.count(),
        needed: wanted.threshold,
        trouble: trouble.join("; "),
    })
}

fn has_signed(have: &[Signature], key: &PublicKey) -> bool {
    have.iter().any(|signature| signature.kid() == key.kid())
}

fn ask(
    payload: &[u8],
    role: Role,
    key: &PublicKey,
    list: &KeyList,
    access: &KeyAccess,
) -> Result<Signature, String> {
    let line = match list.holder(role, key) {
        Holder::File(path) => {
            let pair = load(path).map_err(|error| error.to_string())?;
            if pair.public() != *key {
                return Err(format!(
                    "{} holds another key than {}",
                    path.display(),
                    key.kid()
                ));
            }
            return Ok(pair.sign(payload));
        }
        Holder::Command(line) => Some(line),
        Holder::Elsewhere => access.command.as_ref(),
    };
    let line = line.ok_or_else(|| {
        format!(
            "the private half of {role} key {} is not here; name a command with --key-command",
            key.kid()
        )
    })?;
    command::sign(line, role, key, payload, access.limit)
}
