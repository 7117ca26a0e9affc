//! The identity of a host: made once, kept in a file that only the agent's user may read.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use shared_protocol::Secret;
use uuid::Uuid;

/// Shortest secret that the server takes.
const SHORTEST_SECRET: usize = 48;
/// Most bytes of a file that may be an identity.
const MOST_BYTES: u64 = 4096;
/// How often others may be faster before something else is wrong, such as a link to nowhere.
const ATTEMPTS: u32 = 100;

/// Who a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// A UUID.
    pub id: String,
    /// Shows that the host is who it says; registers its workers once it was let in.
    pub secret: Secret,
}

/// The file cannot be read or made.
#[derive(Debug, thiserror::Error)]
#[error("identity file {}: {cause}; correct its owner or --identity-file", path.display())]
pub struct IdentityError {
    path: PathBuf,
    cause: io::Error,
}

/// The file.
#[derive(Debug, Clone)]
pub struct IdentityFile {
    path: PathBuf,
}

impl IdentityFile {
    /// The identity at `path`, which may not be there yet.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the identity, or makes one. Several agents of a host may do so at once; all get the
    /// same. A file that holds no identity is put aside.
    pub fn open(&self) -> Result<Identity, IdentityError> {
        for _ in 0..ATTEMPTS {
            match self.read() {
                Ok(Some(identity)) => return Ok(identity),
                Ok(None) => self.replace("unreadable", |found| matches!(found, Ok(None)))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.broken(error)),
            }
            let identity = fresh();
            if self.write(&identity).map_err(|error| self.broken(error))? {
                return Ok(identity);
            }
        }
        let why = "there is something that can be neither read nor replaced";
        Err(self.broken(io::Error::other(why)))
    }

    /// Puts `lost` aside and makes another one; unless another agent of the host has done so already.
    pub fn renew(&self, lost: &Identity) -> Result<Identity, IdentityError> {
        self.replace(
            "lost",
            |found| matches!(found, Ok(Some(found)) if found == lost),
        )?;
        self.open()
    }

    /// Puts aside what is there if it is of no use still: agents of a host find that out at the same
    /// time, and the second one must not put aside what the first has made in its place.
    fn replace(
        &self,
        why: &str,
        is_useless: impl FnOnce(&io::Result<Option<Identity>>) -> bool,
    ) -> Result<(), IdentityError> {
        let _turn = self.turn().map_err(|error| self.broken(error))?;
        if is_useless(&self.read()) {
            self.put_aside(why)?;
        }
        Ok(())
    }

    /// Waits for the other agents of the host, which need no longer than a rename takes. Held until
    /// it is dropped.
    fn turn(&self) -> io::Result<fs::File> {
        self.folder()?;
        let path = self.path.with_extension("lock");
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        file.lock()?;
        Ok(file)
    }

    fn read(&self) -> io::Result<Option<Identity>> {
        if fs::metadata(&self.path)?.len() > MOST_BYTES {
            return Ok(None);
        }
        let bytes = fs::read(&self.path)?;
        Ok(std::str::from_utf8(&bytes).ok().and_then(decode))
    }

    /// False when somebody else was faster.
    fn write(&self, identity: &Identity) -> io::Result<bool> {
        let folder = self.folder()?;
        // Made for its owner only, whole, and never over another one.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(encode(identity).as_bytes())?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(&self.path) {
            Ok(_) => Ok(true),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    }

    /// The folder it is in, which is there after this.
    fn folder(&self) -> io::Result<&Path> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        Ok(folder)
    }

    fn put_aside(&self, why: &str) -> Result<(), IdentityError> {
        let aside = self.path.with_extension(why);
        match fs::rename(&self.path, &aside) {
            Ok(()) => {
                let (path, aside) = (self.path.display(), aside.display());
                tracing::warn!(
                    "the identity {path} is of no use any more, it was moved to {aside}"
                );
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.broken(error)),
        }
    }

    fn broken(&self, cause: io::Error) -> IdentityError {
        IdentityError {
            path: self.path.clone(),
            cause,
        }
    }
}

/// The secret is two random UUIDs, which is more randomness than anybody can guess.
fn fresh() -> Identity {
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    Identity {
        id: Uuid::new_v4().to_string(),
        secret: Secret::new(format!(
            "trireme_host_{}{}",
            first.simple(),
            second.simple()
        )),
    }
}

fn encode(Identity { id, secret }: &Identity) -> String {
    format!(
        "# Who this host is. Do not copy it to another one, and show it to nobody.\nid={id}\n\
         secret={}\n",
        secret.expose()
    )
}

fn decode(text: &str) -> Option<Identity> {
    let value = |key: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    };
    let id = Uuid::try_parse(value("id")?).ok()?.to_string();
    let secret = value("secret").filter(|secret| secret.len() >= SHORTEST_SECRET)?;
    Some(Identity {
        id,
        secret: Secret::new(secret),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file() -> (tempfile::TempDir, IdentityFile) {
        let folder = tempfile::tempdir().unwrap();
        let file = IdentityFile::at(folder.path().join("new/identity"));
        (folder, file)
    }

    #[test]
    fn an_identity_is_made_once_and_for_its_owner_only() {
        let (_folder, file) = file();
        let identity = file.open().unwrap();
        assert_eq!(file.open().unwrap(), identity);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&file.path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_lost_identity_is_replaced_once_whoever_notices_it() {
        let (_folder, file) = file();
        let lost = file.open().unwrap();
        let next = file.renew(&lost).unwrap();
        assert_ne!(next, lost);
        assert_eq!(
            file.renew(&lost).unwrap(),
            next,
            "a second agent of the host"
        );
        let aside = fs::read_to_string(file.path.with_extension("lost")).unwrap();
        assert_eq!(decode(&aside), Some(lost));
    }

    #[test]
    fn agents_that_lose_an_identity_at_the_same_time_make_one_between_them() {
        const AGENTS: usize = 8;
        let (_folder, file) = file();
        for round in 0..20 {
            let lost = file.open().unwrap();
            let start = std::sync::Barrier::new(AGENTS);
            let made: Vec<Identity> = std::thread::scope(|scope| {
                let renew = || {
                    start.wait();
                    file.renew(&lost).unwrap()
                };
                let agents: Vec<_> = (0..AGENTS).map(|_| scope.spawn(renew)).collect();
                agents
                    .into_iter()
                    .map(|agent| agent.join().unwrap())
                    .collect()
            });
            assert!(
                made.iter().all(|one| *one == made[0]),
                "round {round}: {made:?}"
            );
            assert_eq!(file.open().unwrap(), made[0], "round {round}");
        }
    }

    #[test]
    fn what_is_no_identity_is_put_aside_not_lost() {
        let (_folder, file) = file();
        fs::create_dir_all(file.path.parent().unwrap()).unwrap();
        fs::write(&file.path, [0xff, 0]).unwrap();
        let identity = file.open().unwrap();
        assert_eq!(file.open().unwrap(), identity);
        assert_eq!(
            fs::read(file.path.with_extension("unreadable")).unwrap(),
            [0xff, 0]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nowhere_is_an_error_and_no_endless_search() {
        let (_folder, file) = file();
        fs::create_dir_all(file.path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/nowhere/identity", &file.path).unwrap();
        let error = file.open().unwrap_err().to_string();
        assert!(error.contains("neither read nor replaced"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_an_identity_or_none(text in any::<String>()) {
            let _ = decode(&text);
        }
    }
}
