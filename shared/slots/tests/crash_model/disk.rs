//! A disk with two images: what processes see, and what is left after a power cut.
//!
//! The rules are those of the least that POSIX promises. The content of a file is durable after a
//! sync of the file, a name after a sync of its folder; until then each change may be lost, kept,
//! torn, or kept without an earlier one. Only a rename within one folder is one change.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::rc::Rc;

pub(crate) type Name = Rc<str>;
pub(crate) type Ino = usize;

/// The inode of the root folder.
pub(crate) const ROOT: Ino = 0;

/// How many ways out of one power cut are told apart; beyond that, changes vary one at a time.
const MOST_WAYS: usize = 512;

/// A file at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Content {
    pub(crate) bytes: Rc<[u8]>,
    pub(crate) executable: bool,
    mark: u64,
}

impl Content {
    pub(crate) fn new(bytes: impl Into<Rc<[u8]>>, executable: bool) -> Self {
        let bytes = bytes.into();
        let mark = mark(&(&bytes, executable));
        Self {
            bytes,
            executable,
            mark,
        }
    }
}

/// A number that stands for a value, so that alike disks are found without building them.
pub(crate) fn mark(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What a disk holds when everything on it is durable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Image {
    File(Content),
    Folder(BTreeMap<Name, Rc<Self>>),
}

#[derive(Debug, Clone)]
pub(crate) enum Inode {
    File(File),
    Folder(Folder),
}

#[derive(Debug, Clone)]
pub(crate) struct File {
    durable: Content,
    /// What it became since, in order.
    pending: Vec<Content>,
    /// How many of these a failed sync gave up: a later sync does not write them.
    given_up: usize,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Folder {
    durable: BTreeMap<Name, Ino>,
    now: BTreeMap<Name, Ino>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Link(Name, Ino),
    Unlink(Name),
    Rename(Name, Name, Ino),
}

#[derive(Debug, Clone)]
pub(crate) struct Disk {
    inodes: Vec<Inode>,
}

impl File {
    pub(crate) fn new() -> Self {
        Self {
            durable: Content::new([], false),
            pending: Vec::new(),
            given_up: 0,
        }
    }

    pub(crate) fn now(&self) -> &Content {
        self.pending.last().unwrap_or(&self.durable)
    }

    pub(crate) fn change_to(&mut self, content: Content) {
        self.pending.push(content);
    }

    pub(crate) fn sync(&mut self) {
        if self.pending.len() > self.given_up {
            self.durable = self.now().clone();
            self.pending.clear();
            self.given_up = 0;
        }
    }

    /// A sync that reports an error, once: what was to be written may never be.
    pub(crate) fn fail_to_sync(&mut self) {
        self.given_up = self.pending.len();
    }

    fn ways(&self) -> Vec<Content> {
        let mut ways = vec![self.durable.clone()];
        ways.extend(self.pending.iter().cloned());
        let (old, new) = (&self.durable.bytes, &self.now().bytes);
        if old != new {
            let half = new.len() / 2;
            let mut torn = new[..half].to_vec();
            torn.extend(old.iter().skip(half));
            let garbled = vec![0xa5; new.len()];
            let executable = self.now().executable;
            ways.extend([torn, garbled].map(|bytes| Content::new(bytes, executable)));
        }
        let mut seen = BTreeSet::new();
        ways.retain(|way| seen.insert(way.mark));
        ways
    }
}

impl Folder {
    pub(crate) fn get(&self, name: &str) -> Option<Ino> {
        self.now.get(name).copied()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        self.now.keys()
    }

    pub(crate) fn link(&mut self, name: Name, ino: Ino) {
        self.change(Change::Link(name, ino));
    }

    pub(crate) fn unlink(&mut self, name: &str) {
        self.change(Change::Unlink(name.into()));
    }

    pub(crate) fn rename(&mut self, from: Name, to: Name, ino: Ino) {
        self.change(Change::Rename(from, to, ino));
    }

    pub(crate) fn sync(&mut self) {
        self.durable = self.now.clone();
        self.pending.clear();
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.pending.push(change);
    }

    fn ways(&self) -> Vec<BTreeMap<Name, Ino>> {
        let count = self.pending.len();
        let subsets: Vec<Vec<bool>> = if count <= 6 {
            (0..1_usize << count)
                .map(|set| (0..count).map(|n| set >> n & 1 == 1).collect())
                .collect()
        } else {
            // Every beginning, and all but one.
            let beginnings = (0..=count).map(|kept| (0..count).map(|n| n < kept).collect());
            let but_one = (0..count).map(|lost| (0..count).map(|n| n != lost).collect());
            beginnings.chain(but_one).collect()
        };
        let kept = subsets.into_iter().map(|kept| {
            let mut names = self.durable.clone();
            let changes = self.pending.iter().zip(kept);
            changes
                .filter(|(_, kept)| *kept)
                .for_each(|(change, _)| change.apply(&mut names));
            names
        });
        let distinct: BTreeSet<_> = kept.collect();
        distinct.into_iter().collect()
    }

    /// Everything it holds, held, or may hold after a power cut.
    fn reach(&self) -> impl Iterator<Item = Ino> {
        let linked = self.pending.iter().filter_map(|change| match change {
            Change::Link(_, ino) | Change::Rename(_, _, ino) => Some(*ino),
            Change::Unlink(_) => None,
        });
        self.durable.values().copied().chain(linked)
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<Name, Ino>) {
        match self {
            Self::Link(name, ino) => {
                names.insert(name.clone(), *ino);
            }
            Self::Unlink(name) => {
                names.remove(name);
            }
            Self::Rename(from, to, ino) => {
                names.remove(from);
                names.insert(to.clone(), *ino);
            }
        }
    }
}

impl Disk {
    /// A disk on which `image` is durable.
    pub(crate) fn mount(image: &Image) -> Self {
        let mut disk = Self { inodes: Vec::new() };
        disk.lay(image);
        disk
    }

    fn lay(&mut self, image: &Image) -> Ino {
        let ino = self.inodes.len();
        match image {
            Image::File(content) => self.inodes.push(Inode::File(File {
                durable: content.clone(),
                ..File::new()
            })),
            Image::Folder(names) => {
                self.inodes.push(Inode::Folder(Folder::default()));
                let names: BTreeMap<_, _> = names
                    .iter()
                    .map(|(name, image)| (name.clone(), self.lay(image)))
                    .collect();
                self.inodes[ino] = Inode::Folder(Folder {
                    durable: names.clone(),
                    now: names,
                    pending: Vec::new(),
                });
            }
        }
        ino
    }

    pub(crate) fn add(&mut self, inode: Inode) -> Ino {
        self.inodes.push(inode);
        self.inodes.len() - 1
    }

    pub(crate) fn get(&self, ino: Ino) -> &Inode {
        &self.inodes[ino]
    }

    pub(crate) fn get_mut(&mut self, ino: Ino) -> &mut Inode {
        &mut self.inodes[ino]
    }

    /// Nothing is lost: what there is after an orderly shutdown.
    pub(crate) fn kept(&self) -> Image {
        self.build(ROOT, &|folder| &folder.now, &|file| file.now().clone())
    }

    fn build<'a>(
        &'a self,
        ino: Ino,
        names: &dyn Fn(&'a Folder) -> &'a BTreeMap<Name, Ino>,
        content: &dyn Fn(&'a File) -> Content,
    ) -> Image {
        match &self.inodes[ino] {
            Inode::File(file) => Image::File(content(file)),
            Inode::Folder(folder) => Image::Folder(
                names(folder)
                    .iter()
                    .map(|(name, ino)| (name.clone(), Rc::new(self.build(*ino, names, content))))
                    .collect(),
            ),
        }
    }

    /// Everything that may be there after a power cut now, if it `is_new` by its mark.
    pub(crate) fn power_cut(&self, mut is_new: impl FnMut(u64) -> bool) -> Vec<Image> {
        let ways = self.ways();
        let counts: Vec<usize> = ways.iter().map(|(_, ways)| ways.len()).collect();
        let mut images = Vec::new();
        for choice in choices(&counts) {
            let chosen: BTreeMap<Ino, &Way> = ways
                .iter()
                .zip(choice)
                .map(|((ino, ways), place)| (*ino, &ways[place]))
                .collect();
            if is_new(self.mark(ROOT, &chosen)) {
                images.push(self.settle(ROOT, &chosen));
            }
        }
        images
    }

    /// What [`Self::settle`] makes, as a number.
    fn mark(&self, ino: Ino, chosen: &BTreeMap<Ino, &Way>) -> u64 {
        match (&self.inodes[ino], chosen.get(&ino)) {
            (Inode::File(_), Some(Way::File(content))) => content.mark,
            (Inode::File(file), _) => file.durable.mark,
            (Inode::Folder(folder), way) => {
                let names = match way {
                    Some(Way::Folder(names)) => names,
                    _ => &folder.durable,
                };
                let mut hasher = DefaultHasher::new();
                for (name, ino) in names {
                    name.hash(&mut hasher);
                    hasher.write_u64(self.mark(*ino, chosen));
                }
                hasher.finish()
            }
        }
    }

    /// The changed inodes that may be reachable after a power cut, and what may become of each.
    fn ways(&self) -> Vec<(Ino, Vec<Way>)> {
        let mut found = BTreeSet::from([ROOT]);
        let mut open = vec![ROOT];
        let mut all = Vec::new();
        while let Some(ino) = open.pop() {
            let ways: Vec<Way> = match &self.inodes[ino] {
                Inode::File(file) => file.ways().into_iter().map(Way::File).collect(),
                Inode::Folder(folder) => {
                    open.extend(folder.reach().filter(|ino| found.insert(*ino)));
                    folder.ways().into_iter().map(Way::Folder).collect()
                }
            };
            if ways.len() > 1 {
                all.push((ino, ways));
            }
        }
        all
    }

    fn settle(&self, ino: Ino, chosen: &BTreeMap<Ino, &Way>) -> Image {
        match (&self.inodes[ino], chosen.get(&ino)) {
            (Inode::File(_), Some(Way::File(content))) => Image::File(content.clone()),
            (Inode::File(file), _) => Image::File(file.durable.clone()),
            (Inode::Folder(folder), way) => {
                let names = match way {
                    Some(Way::Folder(names)) => names,
                    _ => &folder.durable,
                };
                let settled = names
                    .iter()
                    .map(|(name, ino)| (name.clone(), Rc::new(self.settle(*ino, chosen))));
                Image::Folder(settled.collect())
            }
        }
    }
}

enum Way {
    File(Content),
    Folder(BTreeMap<Name, Ino>),
}

/// Every combination of one way each; too many of them are cut down to those in which one or two
/// things differ from the first or from the last of all.
fn choices(counts: &[usize]) -> Vec<Vec<usize>> {
    let all: usize = counts
        .iter()
        .fold(1, |product: usize, count| product.saturating_mul(*count));
    if all <= MOST_WAYS {
        return (0..all)
            .map(|mut number| {
                let digit = |count: &usize| {
                    let digit = number % count;
                    number /= count;
                    digit
                };
                counts.iter().map(digit).collect()
            })
            .collect();
    }
    let mut found = BTreeSet::new();
    for base in [
        vec![0; counts.len()],
        counts.iter().map(|n| n - 1).collect(),
    ] {
        for (first, count) in counts.iter().enumerate() {
            for way in 0..*count {
                let mut choice = base.clone();
                choice[first] = way;
                found.insert(choice);
            }
        }
    }
    found.into_iter().collect()
}
