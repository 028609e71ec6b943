//! A filesystem in memory, as simple as it can be: the oracle.
//!
//! A page knows which block it stands for, so that the model can say which writes go in place: their
//! content reaches the drive apart from all metadata. It knows nothing of journals, trees or bitmaps.

mod apply;
mod file;

use std::collections::BTreeMap;

use iomap::Errno;

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

/// The filesystem.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) nodes: BTreeMap<Id, Node>,
    next_id: Id,
    next_block: u64,
}

impl Default for Model {
    fn default() -> Self {
        let nodes = BTreeMap::from([(ROOT, Node::Directory(BTreeMap::new()))]);
        Self { nodes, next_id: 1, next_block: 1 }
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

    /// How many files have this block.
    fn owners(&self, block: u64) -> usize {
        let pages = |node: &Node| match node {
            Node::File(file) => file.pages.values().filter(|page| page.block == block).count(),
            _ => 0,
        };
        self.nodes.values().map(pages).sum()
    }

    /// How many names a thing has.
    #[must_use]
    pub fn names_of(&self, id: Id) -> usize {
        self.paths().values().filter(|other| **other == id).count()
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

    /// All things that have no name any more go.
    fn collect(&mut self) {
        let named: std::collections::BTreeSet<Id> = self.paths().into_values().collect();
        self.nodes.retain(|id, _| *id == ROOT || named.contains(id));
    }
}
