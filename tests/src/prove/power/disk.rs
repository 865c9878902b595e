//! A disk that forgets. It is told what a program asked for, and says what may be found after the power
//! went: what was flushed for certain, and of the rest any part.
//!
//! The assumptions are the weakest that a program may make: a file's bytes are kept by a flush of that
//! file, a name by a flush of its folder, and by nothing else; what was not flushed survives in any part and
//! in any order, a write in any of its sectors; only a rename is whole or not at all.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use rand::{Rng, rngs::StdRng};

use super::witness::Event;

/// What a drive writes at once.
const SECTOR: usize = 512;

/// A whole tree: folders, and files with their bytes.
pub(super) type Image = BTreeMap<PathBuf, Option<Arc<[u8]>>>;

type Id = usize;

#[derive(Debug)]
enum Node {
    File { kept: Vec<u8>, since: Vec<Change>, now: Vec<u8> },
    Folder { kept: BTreeMap<String, Id>, since: HashMap<String, Vec<Option<Id>>>, now: BTreeMap<String, Id> },
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    open: HashMap<(u32, i64), Id>,
    pub(super) flushes: u64,
}

fn folder() -> Node {
    Node::Folder { kept: BTreeMap::new(), since: HashMap::new(), now: BTreeMap::new() }
}

impl Disk {
    /// An empty one. The root itself is there for good.
    #[must_use]
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), nodes: vec![folder()], open: HashMap::new(), flushes: 0 }
    }

    /// Whether the disk is another one now, or may be another one after a cut.
    pub(super) fn apply(&mut self, process: u32, event: &Event) -> Result<bool> {
        match event {
            Event::Said(_) | Event::Marked(_) | Event::Failed => return Ok(false),
            Event::Began => self.open.retain(|(owner, _), _| *owner != process),
            Event::Opened { fd, path, truncated } => return self.opened(process, *fd, path, *truncated),
            Event::Closed { fd } => drop(self.open.remove(&(process, *fd))),
            Event::Doubled { fd, to } => {
                let id = self.of(process, *fd)?;
                self.open.insert((process, *to), id);
            }
            Event::Wrote { fd, at, data } => {
                let id = self.of(process, *fd)?;
                return self.change(id, Change::Write(usize::try_from(*at)?, data.clone()));
            }
            Event::Cut { fd, size } => {
                let id = self.of(process, *fd)?;
                return self.change(id, Change::Cut(usize::try_from(*size)?));
            }
            Event::Flushed { fd } => {
                let id = self.of(process, *fd)?;
                self.flush(id);
                return Ok(true);
            }
            Event::Renamed { from, to } => {
                let id = self.find(from)?.context("a rename of nothing")?;
                self.name(to, Some(id))?;
                self.leave(from)?;
                return Ok(true);
            }
            Event::Linked { from, to } => {
                let id = self.find(from)?.context("a link to nothing")?;
                self.name(to, Some(id))?;
                return Ok(true);
            }
            Event::Removed { path } => {
                self.name(path, None)?;
                return Ok(true);
            }
            Event::MadeFolder { path } => {
                self.nodes.push(folder());
                self.name(path, Some(self.nodes.len() - 1))?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn opened(&mut self, process: u32, fd: i64, path: &Path, truncated: bool) -> Result<bool> {
        let known = self.find(path)?;
        let id = known.unwrap_or(self.nodes.len());
        if known.is_none() {
            self.nodes.push(Node::File { kept: Vec::new(), since: Vec::new(), now: Vec::new() });
            self.name(path, Some(id))?;
        } else if truncated {
            self.change(id, Change::Cut(0))?;
        }
        self.open.insert((process, fd), id);
        Ok(known.is_none() || truncated)
    }

    fn of(&self, process: u32, fd: i64) -> Result<Id> {
        self.open.get(&(process, fd)).copied().with_context(|| format!("the descriptor {fd} was never opened"))
    }

    fn change(&mut self, id: Id, change: Change) -> Result<bool> {
        let Node::File { since, now, .. } = &mut self.nodes[id] else { bail!("a write into a folder") };
        carry_out(now, &change, |_| true);
        since.push(change);
        Ok(true)
    }

    fn flush(&mut self, id: Id) {
        self.flushes += 1;
        match &mut self.nodes[id] {
            Node::File { kept, since, now } => {
                kept.clone_from(now);
                since.clear();
            }
            Node::Folder { kept, since, now } => {
                kept.clone_from(now);
                since.clear();
            }
        }
    }

    fn find(&self, path: &Path) -> Result<Option<Id>> {
        let mut id = 0;
        for part in path.strip_prefix(&self.root)?.components() {
            let Node::Folder { now, .. } = &self.nodes[id] else { bail!("a file used as a folder") };
            match now.get(&text(part.as_os_str())?) {
                Some(next) => id = *next,
                None => return Ok(None),
            }
        }
        Ok(Some(id))
    }

    fn name(&mut self, path: &Path, id: Option<Id>) -> Result<()> {
        let parent = self.find(path.parent().context("no folder")?)?.context("a folder that is not there")?;
        let name = text(path.file_name().context("no name")?)?;
        let Node::Folder { since, now, .. } = &mut self.nodes[parent] else { bail!("a file used as a folder") };
        match id {
            Some(id) => now.insert(name.clone(), id),
            None => now.remove(&name),
        };
        since.entry(name).or_default().push(id);
        Ok(())
    }

    /// A rename takes the old name away. It is atomic: until the folder is flushed the old name may be there
    /// still, but what was renamed is never without a name.
    fn leave(&mut self, path: &Path) -> Result<()> {
        let parent = self.find(path.parent().context("no folder")?)?.context("a folder that is not there")?;
        let name = text(path.file_name().context("no name")?)?;
        let Node::Folder { now, .. } = &mut self.nodes[parent] else { bail!("a file used as a folder") };
        now.remove(&name);
        Ok(())
    }

    /// As the programs see it.
    #[must_use]
    pub(super) fn present(&self) -> Image {
        let mut image = Image::new();
        self.fill(&mut image, 0, &self.root, &mut Cut::Never);
        image
    }

    /// What is there for certain after the power went.
    #[must_use]
    pub(super) fn strict(&self) -> Image {
        let mut image = Image::new();
        self.fill(&mut image, 0, &self.root, &mut Cut::Everything);
        image
    }

    /// One of the trees that may be there as well.
    #[must_use]
    pub(super) fn torn(&self, random: &mut StdRng) -> Image {
        let mut image = Image::new();
        let often = f64::from(random.random_range(0..=4_u8)) / 4.0;
        self.fill(&mut image, 0, &self.root, &mut Cut::Some { random, often });
        image
    }

    fn fill(&self, image: &mut Image, id: Id, path: &Path, cut: &mut Cut) {
        match &self.nodes[id] {
            Node::File { kept, since, now } => {
                image.insert(path.to_owned(), Some(cut.bytes(kept, since, now).into()));
            }
            Node::Folder { kept, since, now } => {
                image.insert(path.to_owned(), None);
                for (name, id) in cut.names(kept, since, now) {
                    self.fill(image, id, &path.join(name), cut);
                }
            }
        }
    }
}

/// What becomes of what was not flushed.
enum Cut<'a> {
    Never,
    Everything,
    /// So often something of it survives.
    Some {
        random: &'a mut StdRng,
        often: f64,
    },
}

impl Cut<'_> {
    fn bytes(&mut self, kept: &[u8], since: &[Change], now: &[u8]) -> Vec<u8> {
        match self {
            Self::Never => now.to_vec(),
            Self::Everything => kept.to_vec(),
            Self::Some { random, often } => {
                let mut bytes = kept.to_vec();
                for change in since {
                    let whole = random.random_bool(*often);
                    let torn = !whole && random.random_bool(*often / 2.0);
                    if whole || torn {
                        carry_out(&mut bytes, change, |_| whole || random.random_bool(0.5));
                    }
                }
                bytes
            }
        }
    }

    fn names(
        &mut self,
        kept: &BTreeMap<String, Id>,
        since: &HashMap<String, Vec<Option<Id>>>,
        now: &BTreeMap<String, Id>,
    ) -> BTreeMap<String, Id> {
        match self {
            Self::Never => now.clone(),
            Self::Everything => kept.clone(),
            Self::Some { random, often } => {
                let mut names = kept.clone();
                let mut changed: Vec<_> = since.iter().collect();
                // A seed gives the same tree each time.
                changed.sort_by_key(|(name, _)| *name);
                for (name, values) in changed {
                    if !random.random_bool(*often) {
                        continue;
                    }
                    match values[random.random_range(0..values.len())] {
                        Some(id) => names.insert(name.clone(), id),
                        None => names.remove(name),
                    };
                }
                names
            }
        }
    }
}

/// Does a change, or those sectors of it that survive.
fn carry_out(bytes: &mut Vec<u8>, change: &Change, mut survives: impl FnMut(usize) -> bool) {
    match change {
        Change::Cut(size) => bytes.resize(*size, 0),
        Change::Write(at, data) => {
            let mut place = *at;
            let mut rest = data.as_slice();
            while !rest.is_empty() {
                let (sector, tail) = rest.split_at(rest.len().min(SECTOR - place % SECTOR));
                if survives(place / SECTOR) {
                    bytes.resize(bytes.len().max(place + sector.len()), 0);
                    bytes[place..place + sector.len()].copy_from_slice(sector);
                }
                (place, rest) = (place + sector.len(), tail);
            }
        }
    }
}

fn text(name: &std::ffi::OsStr) -> Result<String> {
    Ok(name.to_str().context("a name that is no text")?.to_owned())
}
