//! The release commands as values, and how their arguments are written.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use server_releases::{Downgrade, KeyAccess, KeyChange, Platform, PublicKey, SignedDuration};

use super::Data;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make signing keys and the first trust root. `publish` does it with one key each if needed.
    InitKeys(InitKeys),
    /// Sign a release and put it where hosts find it. Works while the server runs.
    Publish(Publish),
    /// Make the next trust root: other keys, thresholds or addresses. Hosts follow by themselves.
    Rotate(Rotate),
    /// Take back files of a version that hosts must not install any more.
    Revoke(Revoke),
    /// Issue a channel's manifest again, to be adopted for longer. Nothing else changes.
    Renew(Renew),
    /// Write everything that hosts without a network need into one file.
    Export(Export),
    /// List the channels and what is published in them.
    List(List),
    /// Show trust root, keys and all versions of a channel.
    Show(Show),
}

/// How keys are reached that are not files in the data folder.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// Command that signs for keys whose private half is not here: it gets the payload on standard
    /// input and prints the signature as hex. TRIREME_KEY_ID and TRIREME_KEY_ROLE name the key.
    #[arg(long, value_name = "COMMAND")]
    key_command: Option<String>,
    /// How long a key command may take.
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    key_timeout: u32,
}

impl From<Access> for KeyAccess {
    fn from(access: Access) -> Self {
        Self {
            command: access.key_command,
            limit: Duration::from_secs(access.key_timeout.into()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct InitKeys {
    #[command(flatten)]
    pub(crate) data: Data,
    /// How many root keys to make in files; one where no root key is given either.
    #[arg(long, value_name = "N", default_value_t = 0)]
    root_keys: u8,
    /// How many release keys to make in files; one where no release key is given either.
    #[arg(long, value_name = "N", default_value_t = 0)]
    release_keys: u8,
    #[command(flatten)]
    common: Keys,
    #[command(flatten)]
    pub(crate) access: Access,
}

/// What both kinds of making a root can say.
#[derive(Debug, Args)]
struct Keys {
    /// A root key that is held elsewhere, by its public half; may be repeated.
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    root_public: Vec<PublicKey>,
    /// A release key that is held elsewhere, by its public half; may be repeated.
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    release_public: Vec<PublicKey>,
    /// How many root keys must sign a trust root.
    #[arg(long, value_name = "N")]
    root_threshold: Option<u8>,
    /// How many release keys must sign a release.
    #[arg(long, value_name = "N")]
    release_threshold: Option<u8>,
    /// Address of the release tree, the part before /v1; may be repeated, best first.
    #[arg(long, value_name = "URL")]
    base_url: Vec<String>,
    /// When the root should have been replaced, such as 3650d. Hosts never stop because of it.
    #[arg(long, value_name = "TIME", value_parser = life)]
    expires_in: Option<SignedDuration>,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    pub(crate) data: Data,
    /// How many new root keys to make in files.
    #[arg(long, value_name = "N", default_value_t = 0)]
    new_root_keys: u8,
    /// How many new release keys to make in files.
    #[arg(long, value_name = "N", default_value_t = 0)]
    new_release_keys: u8,
    /// A key that is trusted no more, by its id as `release show` prints it; may be repeated.
    #[arg(long, value_name = "ID")]
    drop_key: Vec<String>,
    #[command(flatten)]
    common: Keys,
    /// Name no addresses any more: hosts use those of their configuration.
    #[arg(long, conflicts_with = "base_url")]
    no_base_urls: bool,
    /// Let hosts forget how far a channel has come, after a thief or a mistake has signed a serial or
    /// a date from the far future; may be repeated.
    #[arg(long, value_name = "CHANNEL")]
    reset_seen: Vec<String>,
    #[command(flatten)]
    pub(crate) access: Access,
}

impl Keys {
    fn change(self) -> KeyChange {
        KeyChange {
            root_public: self.root_public,
            release_public: self.release_public,
            root_threshold: self.root_threshold.map(usize::from),
            release_threshold: self.release_threshold.map(usize::from),
            base_urls: (!self.base_url.is_empty()).then_some(self.base_url),
            life: self.expires_in,
            ..KeyChange::default()
        }
    }
}

impl InitKeys {
    pub(crate) fn split(self) -> (Data, KeyChange, KeyAccess) {
        let change = KeyChange {
            new_root_keys: self.root_keys.into(),
            new_release_keys: self.release_keys.into(),
            ..self.common.change()
        };
        (self.data, change, self.access.into())
    }
}

impl Rotate {
    pub(crate) fn split(self) -> (Data, KeyChange, KeyAccess) {
        let mut change = KeyChange {
            new_root_keys: self.new_root_keys.into(),
            new_release_keys: self.new_release_keys.into(),
            drop: self.drop_key,
            reset_seen: self.reset_seen,
            ..self.common.change()
        };
        if self.no_base_urls {
            change.base_urls = Some(Vec::new());
        }
        (self.data, change, self.access.into())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Publish {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Version of the release, for people.
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: String,
    /// The launcher's file. With several targets, {target} stands for each of them and {exe} for
    /// .exe on Windows.
    #[arg(long, value_name = "FILE")]
    pub(crate) launcher: String,
    /// The agent's file; {target} and {exe} as above.
    #[arg(long, value_name = "FILE")]
    pub(crate) agent: String,
    /// The agent's plugins: a zip, or a folder to make one of; {target} as above.
    #[arg(long, value_name = "DIR|ZIP")]
    pub(crate) plugins: Option<String>,
    /// What the files run on, such as linux-x86_64; may be repeated. This machine's platform where
    /// not given.
    #[arg(long, value_name = "OS-ARCH", value_parser = platform)]
    pub(crate) target: Vec<Platform>,
    /// The stream of releases it joins.
    #[arg(long, value_name = "NAME", default_value = "stable")]
    pub(crate) channel: String,
    /// It closes a hole: maintenance windows do not hold it back.
    #[arg(long)]
    pub(crate) security: bool,
    /// Every older host must pass through this version.
    #[arg(long)]
    pub(crate) barrier: bool,
    /// The lowest sequence number from which a component gets to this version in one step; may be
    /// repeated.
    #[arg(long, value_name = "COMPONENT:SEQ", value_parser = numbered)]
    pub(crate) min_from_seq: Vec<(String, u64)>,
    /// Let a component go back to a sequence number; may be repeated. Ends with the next publish.
    #[arg(long, value_name = "COMPONENT:SEQ:REASON", value_parser = downgrade)]
    pub(crate) allow_downgrade: Vec<Downgrade>,
    /// How long hosts may adopt it, such as 30d or 12h. What is installed runs on for ever.
    #[arg(long, value_name = "TIME", value_parser = life, default_value = "365d")]
    pub(crate) expires_in: SignedDuration,
    /// From how many earlier files of the same component and target deltas are made; at most 32.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=32))]
    pub(crate) delta_from: u8,
    /// Publish plain files only: no zstd, no deltas. Quick, and costs hosts the full size.
    #[arg(long, env = "TRIREME_RELEASE_PLAIN", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) plain: bool,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// What to take back: a version, or the sha256 of one file.
    #[arg(value_name = "VERSION|SHA256")]
    pub(crate) what: String,
    #[command(flatten)]
    pub(crate) data: Data,
    /// The channel.
    #[arg(long, value_name = "NAME", default_value = "stable")]
    pub(crate) channel: String,
    /// Let a component go back to a sequence number; may be repeated.
    #[arg(long, value_name = "COMPONENT:SEQ:REASON", value_parser = downgrade)]
    pub(crate) allow_downgrade: Vec<Downgrade>,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Args)]
pub(crate) struct Renew {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The channel.
    #[arg(long, value_name = "NAME", default_value = "stable")]
    pub(crate) channel: String,
    /// How long hosts may adopt it from now on; as long as before where not given.
    #[arg(long, value_name = "TIME", value_parser = life)]
    pub(crate) expires_in: Option<SignedDuration>,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The channel.
    #[arg(long, value_name = "NAME", default_value = "stable")]
    pub(crate) channel: String,
    /// Only files for this platform; may be repeated.
    #[arg(long, value_name = "OS-ARCH", value_parser = platform)]
    pub(crate) target: Vec<Platform>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) data: Data,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The channel.
    #[arg(long, value_name = "NAME", default_value = "stable")]
    pub(crate) channel: String,
    /// As JSON: the root's summary, and the manifest as it was signed.
    #[arg(long)]
    pub(crate) json: bool,
}

fn platform(text: &str) -> Result<Platform, String> {
    Platform::parse(text).map_err(|error| error.to_string())
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    PublicKey::from_text(text).map_err(|error| error.to_string())
}

/// A whole number of days, hours, minutes or seconds.
fn life(text: &str) -> Result<SignedDuration, String> {
    let wrong = || "write a time such as 30d, 12h, 90m or 45s, at most 36500d".to_owned();
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let seconds: i64 = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        "s" => 1,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    let total = i64::from(number) * seconds;
    if (1..=36_500 * 86_400).contains(&total) {
        Ok(SignedDuration::from_secs(total))
    } else {
        Err(wrong())
    }
}

fn numbered(text: &str) -> Result<(String, u64), String> {
    let wrong = || "write it as COMPONENT:SEQ, such as agent:12".to_owned();
    let (component, seq) = text.split_once(':').ok_or_else(wrong)?;
    Ok((known(component)?, seq.parse().map_err(|_| wrong())?))
}

fn downgrade(text: &str) -> Result<Downgrade, String> {
    let wrong =
        || "write it as COMPONENT:SEQ:REASON, such as \"agent:12:13 loses logs\"".to_owned();
    let mut parts = text.splitn(3, ':');
    let (Some(component), Some(seq), Some(reason)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong());
    };
    if reason.trim().is_empty() {
        return Err(wrong());
    }
    Ok(Downgrade {
        component: known(component)?,
        to_seq: seq.parse().map_err(|_| wrong())?,
        reason: reason.trim().to_owned(),
    })
}

fn known(component: &str) -> Result<String, String> {
    match component {
        "launcher" | "agent" | "plugins" => Ok(component.to_owned()),
        other => Err(format!("{other:?} is none of launcher, agent, plugins")),
    }
}

#[cfg(test)]
mod tests {
    use server_releases::MANIFEST_LIFE;

    use super::*;

    #[test]
    fn times_are_written_with_one_unit() {
        assert_eq!(life("365d"), Ok(MANIFEST_LIFE));
        assert_eq!(life("90m"), Ok(SignedDuration::from_secs(5400)));
        for wrong in [
            "",
            "d",
            "1",
            "0s",
            "-1d",
            "1.5h",
            "1w",
            "36501d",
            "9999999999d",
            "é",
        ] {
            assert!(life(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_permission_to_go_back_says_what_how_far_and_why() {
        let read = downgrade("agent:12:loses logs: see #4").unwrap();
        assert_eq!(
            (read.component.as_str(), read.to_seq, read.reason.as_str()),
            ("agent", 12, "loses logs: see #4")
        );
        for wrong in [
            "agent",
            "agent:12",
            "agent:12: ",
            "agent:x:y",
            "server:1:y",
            "",
        ] {
            assert!(downgrade(wrong).is_err(), "{wrong}");
        }
    }
}
