//! The disk of a test as [`Fs`]: counts operations, fails or ends the process at one of them, and
//! hands every state that a power cut could leave behind to a collector.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use shared_slots::{Digest, Fs, RESERVE_BYTES, Room};

use crate::disk::{Content, Disk, Folder, Image, Inode, mark};
use crate::paths::{bytes, digest_of, fill, find, folder_above, name_of, names, part, rename};
use crate::world::World;

/// What happens at one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strike {
    /// The process ends before it, and its parent lives on.
    Kill,
    /// All processes end in the middle of it.
    KillHalfWay,
    /// It fails; a sync that fails has lost what it was to write.
    Eio,
    /// It fails because the disk is full, a write after half of its bytes.
    Enospc,
}

impl Strike {
    pub(crate) const ALL: [Self; 4] = [Self::Kill, Self::KillHalfWay, Self::Eio, Self::Enospc];
}

/// Takes what a power cut would leave, with what had happened by then.
pub(crate) trait Collect {
    /// Whether a disk with this mark was not taken yet.
    fn is_new(&mut self, mark: u64) -> bool;
    fn take(&mut self, image: Image, world: &World, after: &'static str);
}

/// A disk, the process on it, and what happens to both.
pub(crate) struct Sim {
    disk: RefCell<Disk>,
    pub(crate) world: RefCell<World>,
    pub(crate) violations: RefCell<Vec<String>>,
    /// Names of the syncs that were passed, for the table of barriers.
    pub(crate) syncs: RefCell<BTreeSet<&'static str>>,
    collector: Option<Rc<RefCell<dyn Collect>>>,
    passed: Cell<usize>,
    /// The name of the last operation.
    last: Cell<&'static str>,
    /// The name of the operation that was struck.
    struck: Cell<&'static str>,
    strike: Cell<Option<(usize, Strike)>>,
    /// The numbers of the operations that change something.
    pub(crate) changes: RefCell<BTreeSet<usize>>,
    dead: Cell<bool>,
    omitted: Option<&'static str>,
}

impl Sim {
    pub(crate) fn mount(image: &Image, world: World) -> Self {
        Self {
            disk: RefCell::new(Disk::mount(image)),
            world: RefCell::new(world),
            violations: RefCell::default(),
            syncs: RefCell::default(),
            collector: None,
            passed: Cell::new(0),
            last: Cell::new("the start"),
            struck: Cell::new("nothing"),
            strike: Cell::new(None),
            changes: RefCell::default(),
            dead: Cell::new(false),
            omitted: None,
        }
    }

    pub(crate) fn collecting(mut self, collector: Rc<RefCell<dyn Collect>>) -> Self {
        self.collector = Some(collector);
        self
    }

    pub(crate) fn striking(self, at: usize, strike: Strike) -> Self {
        self.strike.set(Some((at, strike)));
        self
    }

    /// Leaves out one barrier, by its name.
    pub(crate) fn omitting(mut self, barrier: Option<&'static str>) -> Self {
        self.omitted = barrier;
        self
    }

    /// The process is started again; what the last one wrote is still in the cache.
    pub(crate) fn start_again(&self) {
        self.dead.set(false);
        self.strike.set(None);
    }

    /// Whether reads may be trusted to say what is on the disk.
    pub(crate) fn is_healthy(&self) -> bool {
        !self.dead.get() && self.strike.get().is_none() && !self.world.borrow().garbled
    }

    /// Where the strike hit, and what was done last.
    pub(crate) fn place(&self) -> (&'static str, &'static str) {
        (self.struck.get(), self.last.get())
    }

    pub(crate) fn passed(&self) -> usize {
        self.passed.get()
    }

    pub(crate) fn kept(&self) -> Image {
        self.disk.borrow().kept()
    }

    pub(crate) fn violated(&self, what: impl Into<String>) {
        self.violations.borrow_mut().push(what.into());
    }

    /// Power may fail right now.
    pub(crate) fn power_may_fail(&self) {
        let Some(collector) = &self.collector else {
            return;
        };
        // What comes before the strike is the same as without it, and was seen there.
        if self
            .strike
            .get()
            .is_some_and(|(at, _)| self.passed.get() <= at)
        {
            return;
        }
        let mut collector = collector.borrow_mut();
        let world = self.world.borrow();
        let witness = world.mark();
        let is_new = |image| collector.is_new(mark(&(image, witness)));
        for image in self.disk.borrow().power_cut(is_new) {
            collector.take(image, &world, self.last.get());
        }
    }

    /// One of the disks that a power cut now could leave.
    pub(crate) fn power_cut(&self, pick: usize) -> Image {
        let mut images = self.disk.borrow().power_cut(|_| true);
        images.swap_remove(pick % images.len())
    }

    /// What executing a file would run.
    pub(crate) fn executed(&self, path: &Path) -> Option<Digest> {
        let disk = self.disk.borrow();
        match disk.get(find(&disk, path).ok()?) {
            Inode::File(file) if file.now().executable => Some(Digest::of(&file.now().bytes)),
            _ => None,
        }
    }

    /// Changes the bytes of a file durably, as a failing disk would.
    pub(crate) fn garble(&self, path: &Path, bytes: &[u8]) {
        let mut disk = self.disk.borrow_mut();
        let ino = find(&disk, path).expect("the file to garble is there");
        let Inode::File(file) = disk.get_mut(ino) else {
            panic!("only files are garbled")
        };
        file.change_to(Content::new(bytes, file.now().executable));
        file.sync();
    }

    /// Does one operation; `half` is what is left of it when it stops half way.
    fn operate<T>(
        &self,
        at: &'static str,
        half: impl FnOnce(&mut Disk, Strike),
        act: impl FnOnce(&mut Disk) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.dead.get() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let number = self.passed.get();
        self.passed.set(number + 1);
        self.last.set(at);
        let strike = self.strike.get().filter(|(at, _)| *at == number);
        if strike.is_some() {
            self.struck.set(at);
        }
        let mut disk = self.disk.borrow_mut();
        let done = match strike.map(|(_, strike)| strike) {
            None => act(&mut disk),
            Some(strike @ Strike::Eio) => {
                half(&mut disk, strike);
                Err(io::Error::other("input/output error"))
            }
            Some(strike @ Strike::Enospc) => {
                half(&mut disk, strike);
                Err(io::ErrorKind::StorageFull.into())
            }
            Some(strike) => {
                if strike == Strike::KillHalfWay {
                    half(&mut disk, strike);
                }
                self.dead.set(true);
                Err(io::ErrorKind::Interrupted.into())
            }
        };
        drop(disk);
        done
    }

    /// The same for an operation after which power may fail.
    fn change<T>(
        &self,
        at: &'static str,
        half: impl FnOnce(&mut Disk, Strike),
        act: impl FnOnce(&mut Disk) -> io::Result<T>,
    ) -> io::Result<T> {
        self.changes.borrow_mut().insert(self.passed.get());
        let done = self.operate(at, half, act);
        self.power_may_fail();
        done
    }

    fn sync(&self, at: &'static str, path: &Path) -> io::Result<()> {
        self.syncs.borrow_mut().insert(at);
        if self.omitted == Some(at) {
            return if self.dead.get() {
                Err(io::ErrorKind::Interrupted.into())
            } else {
                Ok(())
            };
        }
        self.change(
            at,
            |disk, strike| {
                if strike != Strike::KillHalfWay
                    && let Ok(ino) = find(disk, path)
                    && let Inode::File(file) = disk.get_mut(ino)
                {
                    file.fail_to_sync();
                }
            },
            |disk| {
                let ino = find(disk, path)?;
                match disk.get_mut(ino) {
                    Inode::File(file) => file.sync(),
                    Inode::Folder(folder) => folder.sync(),
                }
                Ok(())
            },
        )
    }

    fn look<T>(
        &self,
        at: &'static str,
        act: impl FnOnce(&mut Disk) -> io::Result<T>,
    ) -> io::Result<T> {
        self.operate(at, |_, _| {}, act)
    }

    /// A change of names: all or nothing for the processes that see it.
    fn name<T>(
        &self,
        at: &'static str,
        act: impl FnOnce(&mut Disk) -> io::Result<T>,
    ) -> io::Result<T> {
        self.change(at, |_, _| {}, act)
    }
}

impl Fs for Sim {
    fn read(&self, at: &'static str, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        self.look(at, |disk| Ok(part(&bytes(disk, path)?, 0..most)))
    }

    fn read_range(&self, at: &'static str, path: &Path, range: Range<u64>) -> io::Result<Vec<u8>> {
        self.look(at, |disk| Ok(part(&bytes(disk, path)?, range)))
    }

    fn size(&self, at: &'static str, path: &Path) -> io::Result<u64> {
        let size = self.look(at, |disk| Ok(bytes(disk, path)?.len() as u64))?;
        // The reserve is not laid out byte by byte here.
        let is_reserve = path.ends_with("reserve") && size > 0;
        Ok(if is_reserve { RESERVE_BYTES } else { size })
    }

    fn hash(&self, at: &'static str, path: &Path) -> io::Result<Digest> {
        let bytes = self.look(at, |disk| bytes(disk, path))?;
        Ok(digest_of(&bytes))
    }

    fn write_in_place(&self, at: &'static str, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let write = |disk: &mut Disk, bytes: &[u8]| {
            let ino = find(disk, path)?;
            let Inode::File(file) = disk.get_mut(ino) else {
                return Err(io::ErrorKind::IsADirectory.into());
            };
            let mut all = bytes.to_vec();
            all.extend(file.now().bytes.iter().skip(bytes.len()));
            let executable = file.now().executable;
            file.change_to(Content::new(all, executable));
            Ok(())
        };
        self.change(
            at,
            |disk, _| drop(write(disk, &bytes[..bytes.len() / 2])),
            |disk| write(disk, bytes),
        )
    }

    fn write_new(&self, at: &'static str, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.change(
            at,
            |disk, _| drop(fill(disk, path, &bytes[..bytes.len() / 2])),
            |disk| fill(disk, path, bytes),
        )
    }

    fn allocate(&self, at: &'static str, path: &Path, _: u64) -> io::Result<()> {
        self.write_new(at, path, b"reserved")
    }

    fn copy(
        &self,
        at: &'static str,
        from: &Path,
        range: Range<u64>,
        to: &Path,
    ) -> io::Result<Digest> {
        let copied = |disk: &Disk| Ok::<_, io::Error>(part(&bytes(disk, from)?, range.clone()));
        self.change(
            at,
            |disk, _| {
                if let Ok(bytes) = copied(disk) {
                    drop(fill(disk, to, &bytes[..bytes.len() / 2]));
                }
            },
            |disk| {
                let bytes = copied(disk)?;
                fill(disk, to, &bytes)?;
                Ok(digest_of(&bytes.into()))
            },
        )
    }

    fn sync_file(&self, at: &'static str, path: &Path) -> io::Result<()> {
        self.sync(at, path)
    }

    fn sync_dir(&self, at: &'static str, path: &Path) -> io::Result<()> {
        self.sync(at, path)
    }

    fn create_dir(&self, at: &'static str, path: &Path) -> io::Result<()> {
        self.name(at, |disk| match find(disk, path) {
            Ok(_) => Ok(()),
            Err(_) => {
                let ino = disk.add(Inode::Folder(Folder::default()));
                folder_above(disk, path)?.link(name_of(path).into(), ino);
                Ok(())
            }
        })
    }

    fn create_private_dir(&self, at: &'static str, path: &Path) -> io::Result<()> {
        self.create_dir(at, path)
    }

    fn rename(&self, at: &'static str, from: &Path, to: &Path) -> io::Result<()> {
        self.name(at, |disk| {
            let ino = find(disk, from)?;
            rename(disk, from, to, ino)
        })
    }

    fn set_executable(&self, at: &'static str, path: &Path) -> io::Result<()> {
        self.change(
            at,
            |_, _| {},
            |disk| {
                let ino = find(disk, path)?;
                if let Inode::File(file) = disk.get_mut(ino) {
                    let bytes = file.now().bytes.clone();
                    file.change_to(Content::new(bytes, true));
                }
                Ok(())
            },
        )
    }

    fn alias(&self, at: &'static str, target: &str, link: &Path) -> io::Result<()> {
        self.name(at, |disk| {
            let ino = find(disk, &link.with_file_name(target))?;
            folder_above(disk, link)?.link(name_of(link).into(), ino);
            Ok(())
        })
    }

    fn remove_file(&self, at: &'static str, path: &Path) -> io::Result<()> {
        self.name(at, |disk| {
            if find(disk, path).is_ok() {
                folder_above(disk, path)?.unlink(name_of(path));
            }
            Ok(())
        })
    }

    fn remove_dir(&self, at: &'static str, path: &Path) -> io::Result<()> {
        // One name after the other, and power may fail between them.
        let held = match self.look(at, |disk| names(disk, path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            held => held?,
        };
        for name in held {
            self.remove_file(at, &path.join(name))?;
        }
        self.remove_file(at, path)
    }

    fn list(&self, at: &'static str, path: &Path) -> io::Result<Vec<OsString>> {
        self.look(at, |disk| names(disk, path))
    }

    fn room(&self, at: &'static str, _: &Path) -> io::Result<Room> {
        self.look(at, |_| {
            Ok(Room {
                total: 1 << 40,
                free: 1 << 39,
                files: None,
            })
        })
    }
}
