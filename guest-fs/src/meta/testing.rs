//! Metadata in a table, for tests of what is built on it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Fault, MetaRead, MetaWrite};
use crate::btree::{Tree, TreeKind};
use crate::format::superblock::{BLOCKS_MAX, Layout};
use crate::format::{Image, Structure, begin, blank, verify_cached};

/// Blocks by number, and how many reads there were.
pub(crate) struct Table {
    layout: Layout,
    pub(crate) blocks: BTreeMap<u64, Rc<Image>>,
    next: u64,
    pub(crate) reads: Cell<u64>,
}

impl Table {
    /// A filesystem of 16 TiB in which these trees are empty.
    pub(crate) fn new(trees: &[Tree]) -> Self {
        let layout = Layout::plan([7; 16], [0; 32], BLOCKS_MAX, 1024).unwrap();
        let mut table =
            Self { layout, blocks: BTreeMap::new(), next: 1 << 20, reads: Cell::new(0) };
        for tree in trees {
            let is_inode = matches!(tree.kind, TreeKind::Extents | TreeKind::Directory);
            let structure = if is_inode { Structure::Inode } else { tree.kind.node() };
            let mut image = begin(layout.identity(structure, tree.root, tree.root));
            tree.init(&mut image);
            table.blocks.insert(tree.root, Rc::new(image));
        }
        table
    }

    /// Every tree of shared blocks is at the same place.
    pub(crate) fn with_refcounts() -> Self {
        let layout = Self::new(&[]).layout;
        Self::new(&[Tree::refcounts(&layout)])
    }
}

impl MetaRead for Table {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn read(&self, structure: Structure, block: u64, owner: u64) -> Result<Rc<Image>, Fault> {
        self.reads.set(self.reads.get() + 1);
        let image = self.blocks.get(&block).cloned().unwrap_or_else(|| Rc::new(blank()));
        verify_cached(&image, self.layout.identity(structure, block, owner))?;
        Ok(image)
    }
}

impl MetaWrite for Table {
    fn edit(&mut self, structure: Structure, block: u64, owner: u64) -> Result<&mut Image, Fault> {
        self.read(structure, block, owner)?;
        Ok(Rc::make_mut(self.blocks.get_mut(&block).unwrap()))
    }

    fn create(&mut self, structure: Structure, owner: u64) -> Result<u64, Fault> {
        self.next += 1;
        let image = begin(self.layout.identity(structure, self.next, owner));
        self.blocks.insert(self.next, Rc::new(image));
        Ok(self.next)
    }

    fn destroy(&mut self, block: u64, _: u64) -> Result<(), Fault> {
        assert!(self.blocks.remove(&block).is_some(), "block {block} is destroyed twice");
        Ok(())
    }
}
