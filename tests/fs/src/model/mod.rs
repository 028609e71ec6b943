//! A filesystem in memory, as simple as it can be: the oracle.
//!
//! A page knows which block it stands for, so that the model can say which writes go in place: their
//! content reaches the drive apart from all metadata. It knows nothing of journals, trees or bitmaps.

mod apply;
mod content;
mod file;

use std::collections::{BTreeMap, BTreeSet};

use iomap::Errno;

use crate::observe::Seen;

pub use file::{File, Page};

/// Tells things apart, whatever they are called.
pub type Id = u64;

/// The root directory.
pub const ROOT: Id = 0;

/// A thing with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A file.
    File(File),
    /// A directory.
    Directory(BTreeMap<String, Id>),
    /// A symbolic link and its target.
    Symlink(String),
}

/// A file that is open, whatever becomes of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub id: Id,
    /// Every write goes to its end.
    pub is_append: bool,
}

/// The filesystem.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) nodes: BTreeMap<Id, Node>,
    /// The file that is open.
    pub(crate) held: Option<Held>,
    next_id: Id,
    next_block: u64,
}

impl Default for Model {
    fn default() -> Self {
        let nodes = BTreeMap::from([(ROOT, Node::Directory(BTreeMap::new()))]);
        Self { nodes, held: None, next_id: 1, next_block: 1 }
    }
}

/// The names of a path.
fn names(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

impl Model {
    /// What a path names; symbolic links are not followed.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`.
    pub fn find(&self, path: &str) -> Result<Id, Errno> {
        names(path)
            .try_fold(ROOT, |at, name| self.directory(at)?.get(name).copied().ok_or(Errno::ENOENT))
    }

    /// The directory that a path's last name is in, and that name.
    fn place<'p>(&self, path: &'p str) -> Result<(Id, &'p str), Errno> {
        let mut above: Vec<&str> = names(path).collect();
        let name = above.pop().ok_or(Errno::EINVAL)?;
        let walk = |at, name: &&str| self.directory(at)?.get(*name).copied().ok_or(Errno::ENOENT);
        Ok((above.iter().try_fold(ROOT, walk)?, name))
    }

    fn directory(&self, id: Id) -> Result<&BTreeMap<String, Id>, Errno> {
        match self.nodes.get(&id) {
            Some(Node::Directory(entries)) => Ok(entries),
            Some(_) => Err(Errno::ENOTDIR),
            None => Err(Errno::ENOENT),
        }
    }

    fn entries(&mut self, id: Id) -> &mut BTreeMap<String, Id> {
        match self.nodes.get_mut(&id) {
            Some(Node::Directory(entries)) => entries,
            other => unreachable!("a directory, not {other:?}"),
        }
    }

    /// A file by its path.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EISDIR`, `EINVAL` for a symbolic link.
    pub fn file(&self, path: &str) -> Result<(Id, &File), Errno> {
        let id = self.find(path)?;
        match self.nodes.get(&id) {
            Some(Node::File(file)) => Ok((id, file)),
            Some(Node::Directory(_)) => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }

    pub(crate) fn file_mut(&mut self, id: Id) -> &mut File {
        match self.nodes.get_mut(&id) {
            Some(Node::File(file)) => file,
            other => unreachable!("a file, not {other:?}"),
        }
    }

    pub(crate) fn file_of(&self, id: Id) -> &File {
        match self.nodes.get(&id) {
            Some(Node::File(file)) => file,
            other => unreachable!("a file, not {other:?}"),
        }
    }

    fn add(&mut self, node: Node) -> Id {
        let id = self.next_id;
        self.next_id += 1;
        self.nodes.insert(id, node);
        id
    }

    fn new_block(&mut self) -> u64 {
        self.next_block += 1;
        self.next_block
    }

    /// Takes over what a file really has; of one in doubt nobody knows which blocks.
    pub(crate) fn adopt(&mut self, id: Id, seen: &Seen, is_in_doubt: bool, ghosts: BTreeSet<u8>) {
        let fresh = self.next_block + 1;
        if let Some(Node::File(file)) = self.nodes.get_mut(&id) {
            file.adopt(seen, fresh, is_in_doubt);
            file.ghosts = ghosts;
            self.next_block = fresh + file.pages.len() as u64;
        }
    }

    /// Nothing is open any more.
    pub(crate) fn let_go(&mut self) {
        self.held = None;
        self.collect();
    }

    /// Sizes on the way to the last state do not matter any more.
    fn forget_least_sizes(&mut self) {
        for node in self.nodes.values_mut() {
            if let Node::File(file) = node {
                file.least = file.size;
            }
        }
    }

    /// What is in the page cache is on the drive now.
    pub(crate) fn forget_cache(&mut self) {
        for node in self.nodes.values_mut() {
            if let Node::File(file) = node {
                file.is_cached = false;
            }
        }
    }

    /// How many files have this block.
    fn owners(&self, block: u64) -> usize {
        let pages = |node: &Node| match node {
            Node::File(file) => file.pages.values().filter(|page| page.block == block).count(),
            _ => 0,
        };
        self.nodes.values().map(pages).sum()
    }

    /// Every path and what it names, but for the root.
    #[must_use]
    pub fn paths(&self) -> BTreeMap<String, Id> {
        let mut paths = BTreeMap::new();
        let mut left = vec![(String::new(), ROOT)];
        while let Some((above, id)) = left.pop() {
            let Ok(entries) = self.directory(id) else { continue };
            for (name, below) in entries {
                let path = format!("{above}{name}");
                if matches!(self.nodes.get(below), Some(Node::Directory(_))) {
                    left.push((format!("{path}/"), *below));
                }
                paths.insert(path, *below);
            }
        }
        paths
    }

    /// All things that have no name any more go, unless they are open.
    fn collect(&mut self) {
        let mut kept: BTreeSet<Id> = self.paths().into_values().collect();
        kept.extend(self.held.map(|held| held.id));
        self.nodes.retain(|id, _| *id == ROOT || kept.contains(id));
    }
}
