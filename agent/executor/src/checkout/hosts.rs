//! Making the host of an SSH address known, so that a first clone does not stop at the question
//! whether to trust it. Trust on first use: nothing is done for a host that is listed already.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::CheckoutError;
use crate::job::Job;
use crate::os;

/// A host and its port, as `known_hosts` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    /// The host of an address, if git would use SSH for it.
    fn of(address: &str) -> Option<Self> {
        let authority = match address.split_once("://") {
            Some(("ssh" | "git+ssh" | "ssh+git", rest)) => rest.split('/').next()?,
            Some(_) => return None,
            None => {
                // `host:path`, but a slash before the colon makes it a path of this host.
                let (authority, _) = address.split_once(':')?;
                if authority.contains('/') {
                    return None;
                }
                return Self::named(authority.rsplit('@').next()?, None);
            }
        };
        let place = authority.rsplit('@').next()?;
        match place.rsplit_once(':') {
            Some((name, port)) => Self::named(name, Some(port.parse().ok()?)),
            None => Self::named(place, None),
        }
    }

    /// A name that begins with a dash would be read as a flag.
    fn named(name: &str, port: Option<u16>) -> Option<Self> {
        let usable = !name.is_empty() && !name.starts_with('-');
        usable.then(|| Self {
            name: name.to_owned(),
            port: port.filter(|port| *port != 22),
        })
    }

    /// What `ssh -G` answers: aliases of the user's configuration resolved. OpenSSH takes a port that
    /// follows the host for a part of its name, and answers it so.
    fn resolved(answer: &str) -> Option<Self> {
        let value = |key: &str| {
            answer
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
        };
        let name = value("hostname")?;
        if let Some((name, port)) = name.split_once(':')
            && let Ok(port) = port.parse()
        {
            return Self::named(name, Some(port));
        }
        Self::named(name, value("port").and_then(|port| port.parse().ok()))
    }

    /// Where `ssh` cannot say what an alias stands for: by custom, aliases of `github.com` are named
    /// `github.com-mine`.
    fn without_alias(mut self) -> Self {
        let alias = |end: &str| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            !end.is_empty() && end.chars().all(plain)
        };
        if let Some((name, end)) = self.name.split_once('-')
            && name.contains('.')
            && alias(end)
        {
            self.name = name.to_owned();
        }
        self
    }

    fn with_port(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.name),
            None => self.name.clone(),
        }
    }

    /// As the first field of a line in `known_hosts`.
    fn listed(&self) -> String {
        match self.port {
            Some(port) => format!("[{}]:{port}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Scans the address's host into `~/.ssh/known_hosts`. Failing is a warning: git itself decides.
pub(crate) async fn make_known(job: &mut Job, address: &str) -> Result<(), CheckoutError> {
    let home = job.env.filled("HOME").map(PathBuf::from);
    let (Some(asked), Some(home)) = (Host::of(address), home) else {
        return Ok(());
    };
    let (resolved, answer) = job
        .capture_if_there("ssh", &["-G", &asked.with_port()])
        .await?;
    let host = match Host::resolved(&String::from_utf8_lossy(&answer)) {
        Some(host) if resolved => host,
        _ => asked.without_alias(),
    };
    let file = home.join(".ssh/known_hosts");
    if is_listed(job, &file, &host).await? {
        return Ok(());
    }
    let port = host.port.map(|port| port.to_string());
    let mut args: Vec<&str> = port.iter().flat_map(|port| ["-p", port.as_str()]).collect();
    args.push(&host.name);
    let (found, keys) = job.capture_if_there("ssh-keyscan", &args).await?;
    if !found || keys.trim_ascii().is_empty() {
        job.log.warning(&format!(
            "ssh-keyscan found no keys of {}",
            host.with_port()
        ));
    } else if let Err(error) = add(job, &file, &host, keys).await? {
        job.log
            .warning(&format!("failed to write {}: {error}", file.display()));
    } else {
        job.log
            .comment(&format!("Added {} to {}", host.with_port(), file.display()));
    }
    Ok(())
}

/// Whether the file has a line for the host. Names in it may be hashed; only ssh-keygen reads those.
async fn is_listed(job: &mut Job, file: &Path, host: &Host) -> Result<bool, CheckoutError> {
    let text = read(file).unwrap_or_default();
    if lists(&text, &host.listed()) {
        return Ok(true);
    }
    if !text.lines().any(|line| line.starts_with("|1|")) {
        return Ok(false);
    }
    let path = file.to_string_lossy().into_owned();
    let args = ["-F", &host.listed(), "-f", &path];
    Ok(job.capture_if_there("ssh-keygen", &args).await?.0)
}

fn lists(known_hosts: &str, name: &str) -> bool {
    known_hosts
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .any(|names| {
            names
                .split(',')
                .any(|listed| listed.eq_ignore_ascii_case(name))
        })
}

/// Adds keys beside the loop that hears signals, for whoever holds the file may be slow.
async fn add(
    job: &mut Job,
    file: &Path,
    host: &Host,
    keys: Vec<u8>,
) -> Result<io::Result<()>, CheckoutError> {
    let (file, host) = (file.to_owned(), host.clone());
    let added = tokio::task::spawn_blocking(move || append(&file, &host, &keys));
    let added = job.during(added).await?;
    Ok(added.unwrap_or_else(|error| Err(io::Error::other(error))))
}

/// Several jobs of a host may do this at once; the first one's keys count.
fn append(file: &Path, host: &Host, keys: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    os::create_private_folder(folder)?;
    let mut known: File = os::append_private(file)?;
    // Where there are no locks, two jobs at once may list a host twice, which harms nobody.
    let _ = known.lock();
    let before = read(file)?;
    if lists(&before, &host.listed()) {
        return Ok(());
    }
    let mut lines = Vec::with_capacity(keys.len() + 2);
    if !before.is_empty() && !before.ends_with('\n') {
        lines.push(b'\n'); // or the last line and the first new one would both be lost
    }
    lines.extend_from_slice(keys);
    if !keys.ends_with(b"\n") {
        lines.push(b'\n');
    }
    known.write_all(&lines)
}

/// The file as text; a comment in it may be of any encoding.
fn read(file: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(file)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_git_reaches_by_ssh_have_a_host() {
        let cases = [
            ("git@boat.test:fleet/oars.git", Some(("boat.test", None))),
            ("boat.test:oars", Some(("boat.test", None))),
            (
                "ssh://git@boat.test:2222/oars",
                Some(("boat.test", Some(2222))),
            ),
            ("ssh://boat.test:22/oars", Some(("boat.test", None))),
            ("git+ssh://boat.test/oars", Some(("boat.test", None))),
            ("https://boat.test/oars", None),
            ("/srv/git:odd", None),
            ("./a:b", None),
            ("file:///srv/git", None),
            ("-oProxyCommand=x:y", None),
            ("ssh://-oProxyCommand=x/y", None),
        ];
        for (address, wanted) in cases {
            let wanted = wanted.map(|(name, port)| Host {
                name: name.to_owned(),
                port,
            });
            assert_eq!(Host::of(address), wanted, "{address}");
        }
    }

    #[test]
    fn an_alias_that_ssh_does_not_know_ends_at_its_dash() {
        for (asked, wanted) in [
            ("github.com-mine-2", "github.com"),
            ("my-host.test", "my-host.test"),
            ("build-host", "build-host"),
            ("boat.test", "boat.test"),
        ] {
            let host = Host::named(asked, None).expect("a host");
            assert_eq!(host.without_alias().name, wanted);
        }
    }

    #[test]
    fn a_host_that_came_in_meanwhile_is_not_listed_twice() {
        let home = tempfile::tempdir().expect("folder");
        let file = home.path().join(".ssh/known_hosts");
        let host = Host::named("boat.test", Some(2222)).expect("a host");
        for key in ["A", "B"] {
            let line = format!("[boat.test]:2222 ssh-ed25519 {key}");
            append(&file, &host, line.as_bytes()).expect("append");
        }
        let text = fs::read_to_string(file).expect("file");
        assert_eq!(text, "[boat.test]:2222 ssh-ed25519 A\n");
    }

    #[test]
    fn keys_are_added_to_whatever_the_file_holds() {
        let home = tempfile::tempdir().expect("folder");
        let file = home.path().join("known_hosts");
        // A comment that is no UTF-8, and no line end.
        fs::write(&file, b"old.test ssh-rsa A \xe9t\xe9").expect("file");
        let host = Host::named("boat.test", None).expect("a host");
        for _ in 0..2 {
            append(&file, &host, b"boat.test ssh-ed25519 B").expect("append");
        }
        let bytes = fs::read(file).expect("file");
        let wanted = b"old.test ssh-rsa A \xe9t\xe9\nboat.test ssh-ed25519 B\n";
        assert_eq!(bytes, wanted);
    }

    #[test]
    fn what_ssh_answers_names_the_host_with_and_without_a_port() {
        for (answer, wanted) in [
            ("hostname real.test\nport 22\n", ("real.test", None)),
            (
                "user a\nhostname real.test\nport 2222\n",
                ("real.test", Some(2222)),
            ),
            (
                "hostname boat.test:2222\nport 22\n",
                ("boat.test", Some(2222)),
            ),
            ("hostname boat.test:22\nport 22\n", ("boat.test", None)),
            ("hostname ::1\nport 2222\n", ("::1", Some(2222))),
        ] {
            let (name, port) = wanted;
            assert_eq!(Host::resolved(answer), Host::named(name, port), "{answer}");
        }
        for answer in ["", "port 22\n", "hostname -oProxyCommand=x\n"] {
            assert_eq!(Host::resolved(answer), None, "{answer}");
        }
    }

    #[test]
    fn a_listed_host_is_found_among_several_names() {
        let text =
            "# boat.test\nother.test,Boat.test ssh-ed25519 AAAA\n[far.test]:2222 ssh-rsa B\n";
        assert!(lists(text, "boat.test") && lists(text, "[far.test]:2222"));
        assert!(!lists(text, "far.test") && !lists(text, "oat.test"));
    }
}
