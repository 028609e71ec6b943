//! Visiting every node and record of a tree that may be hostile, for checks.
//!
//! The walk keeps the path in a vector of bounded length, checks levels and bounds, and goes around a
//! node that is bad: what is readable is shown.

use alloc::vec::Vec;

use super::{LEVELS_MAX, Loaded, Tree};
use crate::format::Corruption;
use crate::meta::{Fault, MetaRead};

/// What a walk comes across.
#[derive(Debug)]
pub(crate) enum Step {
    /// A node in a block of its own. The caller may say [`Walker::skip`].
    Node(u64),
    /// A record: key, and the value's bytes.
    Record(u64, Vec<u8>),
    /// A part of the tree that cannot be read or is wrong.
    Bad(Fault),
}

struct Open {
    loaded: Loaded,
    next: usize,
    lower: u64,
    upper: Option<u64>,
}

/// A walk in progress.
pub(crate) struct Walker {
    tree: Tree,
    path: Vec<Open>,
    is_started: bool,
}

impl Walker {
    pub(crate) const fn new(tree: Tree) -> Self {
        Self { tree, path: Vec::new(), is_started: false }
    }

    /// Does not go below the node that was shown last.
    pub(crate) fn skip(&mut self) {
        self.path.pop();
    }

    /// The next step; `None` at the end.
    pub(crate) fn step<M: MetaRead + ?Sized>(&mut self, meta: &M) -> Option<Step> {
        if !self.is_started {
            self.is_started = true;
            match self.tree.load(meta, self.tree.root) {
                Ok(loaded) => self.path.push(Open { loaded, next: 0, lower: 0, upper: None }),
                Err(fault) => return Some(Step::Bad(fault)),
            }
        }
        loop {
            let open = self.path.last_mut()?;
            let node = open.loaded.node();
            let index = open.next;
            if index >= node.count() {
                self.path.pop();
                continue;
            }
            open.next = index.saturating_add(1);
            let key = node.key(index);
            if key < open.lower || open.upper.is_some_and(|upper| key >= upper) {
                return Some(Step::Bad(self.out_of_bounds(meta).into()));
            }
            if node.level() == 0 {
                return Some(Step::Record(key, node.value(index).to_vec()));
            }
            let next = index.saturating_add(1);
            let upper = if next < node.count() { Some(node.key(next)) } else { open.upper };
            let (block, level) = (node.child(index), node.level());
            return Some(match self.tree.load_child(meta, block, level) {
                Ok(loaded) if self.path.len() < usize::from(LEVELS_MAX) => {
                    self.path.push(Open { loaded, next: 0, lower: key, upper });
                    Step::Node(block)
                }
                Ok(_) => Step::Bad(self.tree.too_deep(meta.layout())),
                Err(fault) => Step::Bad(fault),
            });
        }
    }

    fn out_of_bounds<M: MetaRead + ?Sized>(&self, meta: &M) -> Corruption {
        let identity = self.tree.identity(meta.layout(), self.tree.root);
        identity.field("keys between the bounds that the parent gives")
    }
}
