//! The one B+tree: extents of a file, names of a directory, shared blocks, orphans.
//!
//! A tree is named by the block that holds its root; that block's number is also the owner in the header
//! of every node, so a node of another tree is never taken for its own. The root is the body of an inode
//! (extents, names) or a fixed block (refcounts, orphans). Depth is bounded, nothing recurses, and a level
//! that is not one less than its parent's is corruption: so every descent ends.
//!
//! Nodes are split and merged on the way down, so a change never has to climb back up. A leaf or inner
//! node that is not the root is never empty.
//!
//! What this module does not do: it does not know what records mean, and it takes no locks.

mod check;
mod insert;
mod lookup;
mod node;
mod remove;
#[cfg(test)]
mod tests;
mod walk;

use alloc::rc::Rc;

pub(crate) use check::check_node;
pub(crate) use lookup::Record;
use node::{Node, NodeMut};
pub(crate) use walk::{Step, Walker};

use crate::format::inode::BODY_AT;
use crate::format::superblock::Layout;
use crate::format::{Identity, Image, Structure};
use crate::meta::{Fault, MetaRead, MetaWrite};

/// Where a node starts in a block of its own.
pub(crate) const NODE_AT: usize = 64;

/// The most levels of a tree. Half-full nodes of the smallest records on 16 TiB need six.
pub(crate) const LEVELS_MAX: u16 = 8;

/// The longest value of a record: a name of 255 bytes and what belongs to it.
pub(crate) const VALUE_BYTES_MAX: usize = 264;

/// What a tree is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TreeKind {
    Extents,
    Directory,
    Refcounts,
    Orphans,
}

impl TreeKind {
    pub(crate) const fn node(self) -> Structure {
        match self {
            Self::Extents => Structure::ExtentNode,
            Self::Directory => Structure::DirectoryNode,
            Self::Refcounts => Structure::RefcountNode,
            Self::Orphans => Structure::OrphanNode,
        }
    }

    pub(crate) const fn of_node(structure: Structure) -> Option<Self> {
        Some(match structure {
            Structure::ExtentNode => Self::Extents,
            Structure::DirectoryNode => Self::Directory,
            Structure::RefcountNode => Self::Refcounts,
            Structure::OrphanNode => Self::Orphans,
            _ => return None,
        })
    }

    const fn is_in_inode(self) -> bool {
        matches!(self, Self::Extents | Self::Directory)
    }
}

/// A tree: its kind and the block of its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) kind: TreeKind,
    pub(crate) root: u64,
}

impl Tree {
    pub(crate) const fn extents(ino: u64) -> Self {
        Self { kind: TreeKind::Extents, root: ino }
    }

    pub(crate) const fn directory(ino: u64) -> Self {
        Self { kind: TreeKind::Directory, root: ino }
    }

    pub(crate) const fn refcounts(layout: &Layout) -> Self {
        Self { kind: TreeKind::Refcounts, root: layout.refcounts }
    }

    pub(crate) const fn orphans(layout: &Layout) -> Self {
        Self { kind: TreeKind::Orphans, root: layout.orphans }
    }

    const fn structure_at(self, block: u64) -> Structure {
        if block == self.root && self.kind.is_in_inode() {
            Structure::Inode
        } else {
            self.kind.node()
        }
    }

    const fn area_at(self, block: u64) -> usize {
        if block == self.root && self.kind.is_in_inode() { BODY_AT } else { NODE_AT }
    }

    pub(crate) fn identity(self, layout: &Layout, block: u64) -> Identity {
        layout.identity(self.structure_at(block), block, self.root)
    }

    /// Makes the root in `image` an empty leaf.
    pub(crate) fn init(self, image: &mut Image) {
        if let Some(area) = image.get_mut(self.area_at(self.root)..) {
            NodeMut(area).init(0);
        }
    }

    fn load<M: MetaRead + ?Sized>(self, meta: &M, block: u64) -> Result<Loaded, Fault> {
        let image = meta.read(self.structure_at(block), block, self.root)?;
        Ok(Loaded { image, at: self.area_at(block) })
    }

    /// A child, whose level must be one less than its parent's.
    fn load_child<M: MetaRead + ?Sized>(
        self,
        meta: &M,
        block: u64,
        parent_level: u16,
    ) -> Result<Loaded, Fault> {
        let identity = self.identity(meta.layout(), block);
        if block == self.root {
            return Err(identity.field("a root that is nobody's child").into());
        }
        let loaded = self.load(meta, block)?;
        let node = loaded.node();
        if node.level().checked_add(1) != Some(parent_level) {
            return Err(identity.field("a level one less than its parent's").into());
        }
        if node.count() == 0 {
            return Err(identity.field("at least one record").into());
        }
        Ok(loaded)
    }

    fn edit<W: MetaWrite + ?Sized>(self, meta: &mut W, block: u64) -> Result<NodeMut<'_>, Fault> {
        let at = self.area_at(block);
        let image = meta.edit(self.structure_at(block), block, self.root)?;
        Ok(NodeMut(image.get_mut(at..).unwrap_or_default()))
    }

    /// Levels below the root.
    ///
    /// # Errors
    /// What reading the root gives.
    pub(crate) fn height<M: MetaRead + ?Sized>(self, meta: &M) -> Result<u16, Fault> {
        Ok(self.load(meta, self.root)?.node().level())
    }

    fn too_deep(self, layout: &Layout) -> Fault {
        self.identity(layout, self.root).field("fewer levels").into()
    }
}

/// A node with the block that it is in.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    image: Rc<Image>,
    at: usize,
}

impl Loaded {
    pub(crate) fn node(&self) -> Node<'_> {
        Node(self.image.get(self.at..).unwrap_or_default())
    }
}
