//! What a power cut may take back, and what was promised.
//!
//! Metadata go through one journal, so a cut leaves the names, sizes and maps of some moment: the state
//! after the first `k` operations, for a `k` that takes back nothing that was made durable. Content that was
//! written in place is apart from that: each sector of a block is what it was at any moment since it was
//! made durable. Whatever else is there is a failure: half a rename, a size without its content, something
//! that was never written.

use std::collections::BTreeMap;

use guest_fs::FileKind;

use crate::model::{File, Id, Model, Node, ROOT};
use crate::observe::{Seen, Tree};
use crate::op::{Op, SECTOR};

/// The states so far.
#[derive(Clone, Debug)]
pub struct History {
    /// State `k` is the one after `k` operations; state 0 is durable.
    states: Vec<Model>,
    /// What operation `k` changed.
    touched: Vec<Vec<Id>>,
    /// What is promised by when.
    promises: Vec<Promise>,
}

/// After an operation completed, something was durable.
#[derive(Clone, Debug)]
struct Promise {
    /// So many operations had completed.
    after: usize,
    /// Of one thing, or of everything.
    of: Option<Id>,
}

impl History {
    /// A history that begins with a durable state.
    #[must_use]
    pub fn new(start: Model) -> Self {
        Self { states: vec![start], touched: Vec::new(), promises: Vec::new() }
    }

    /// How many operations there were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.touched.len()
    }

    /// Whether nothing has happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }

    /// The newest state.
    #[must_use]
    pub fn now(&self) -> &Model {
        self.states.last().unwrap_or_else(|| unreachable!("there is a first state"))
    }

    /// An operation that changed these things has begun; its outcome will be `state`.
    pub fn begin(&mut self, state: Model, touched: Vec<Id>) {
        self.states.push(state);
        self.touched.push(touched);
    }

    /// The newest operation has completed.
    pub fn complete(&mut self, op: &Op) {
        let after = self.len();
        match op {
            Op::Sync => self.promises.push(Promise { after, of: None }),
            Op::Fsync(path) => {
                let of = self.now().find(path).ok();
                self.promises.extend(of.map(|id| Promise { after, of: Some(id) }));
            }
            _ => {}
        }
    }

    /// Everything so far is durable: the past is forgotten.
    pub fn settle(&mut self, state: Model) {
        *self = Self::new(state);
    }

    /// The earliest state that may come back when so many operations have completed.
    fn earliest(&self, completed: usize) -> usize {
        let of = |promise: &Promise| match promise.of {
            None => promise.after,
            // As far as it was changed before.
            Some(id) => {
                let mut before = self.touched.iter().take(promise.after);
                before.rposition(|touched| touched.contains(&id)).map_or(0, |at| at + 1)
            }
        };
        self.kept(completed).map(of).max().unwrap_or(0)
    }

    /// The earliest content that may come back of a thing.
    fn earliest_content(&self, id: Id, completed: usize) -> usize {
        let kept = self.kept(completed).filter(|p| p.of.is_none_or(|of| of == id));
        kept.map(|promise| promise.after).max().unwrap_or(0)
    }

    fn kept(&self, completed: usize) -> impl Iterator<Item = &Promise> {
        self.promises.iter().filter(move |promise| promise.after <= completed)
    }

    /// May this be there after a power cut, when so many operations had completed and so many begun? Gives
    /// the state that it is.
    ///
    /// # Errors
    /// Why not: the difference to the newest state that it could be.
    pub fn judge(&self, tree: &Tree, completed: usize, begun: usize) -> Result<usize, String> {
        let earliest = self.earliest(completed);
        let mut why = String::from("there is no such state");
        for state in (earliest..=begun.min(self.len())).rev() {
            match self.compare(tree, state, completed, begun) {
                Ok(()) => return Ok(state),
                Err(difference) if state == begun => {
                    why = format!("as after {state} (earliest {earliest}): {difference}");
                }
                Err(difference) => why = format!("{why}; after {state}: {difference}"),
            }
        }
        Err(why)
    }

    fn compare(
        &self,
        tree: &Tree,
        at: usize,
        completed: usize,
        begun: usize,
    ) -> Result<(), String> {
        let model = &self.states[at];
        let paths = model.paths();
        if let Some(path) = paths.keys().find(|path| !tree.contains_key(*path)) {
            return Err(format!("{path} is missing"));
        }
        if let Some(path) = tree.keys().find(|path| !paths.contains_key(*path)) {
            return Err(format!("{path} should not be there"));
        }
        let mut inodes: BTreeMap<Id, u64> = BTreeMap::new();
        for (path, seen) in tree {
            let id = paths[path];
            let ino = *inodes.entry(id).or_insert(seen.ino);
            if ino != seen.ino {
                return Err(format!("{path} is another file than its other name"));
            }
            let wrong = |what| Err(format!("{path}: {what}"));
            match &model.nodes[&id] {
                Node::File(file) => {
                    compare_file(file, model.names_of(id), seen)
                        .and_then(|()| self.compare_content(id, file, seen, completed, begun))
                        .or_else(wrong)?;
                }
                Node::Directory(entries) if seen.kind == FileKind::Directory => {
                    if seen.size_bytes != entries.len() as u64 {
                        return wrong(format!("{} entries", seen.size_bytes));
                    }
                }
                Node::Symlink(target) if seen.kind == FileKind::Symlink => {
                    if seen.target != target.as_bytes() {
                        return wrong(String::from("another target"));
                    }
                }
                _ => return wrong(format!("a {:?}", seen.kind)),
            }
        }
        let distinct: std::collections::BTreeSet<&u64> = inodes.values().collect();
        if distinct.len() == inodes.len() { Ok(()) } else { Err("two files are one".into()) }
    }

    /// Every sector holds what it held in that state, or what was written in place to its block.
    fn compare_content(
        &self,
        id: Id,
        file: &File,
        seen: &Seen,
        completed: usize,
        begun: usize,
    ) -> Result<(), String> {
        let earliest = self.earliest_content(id, completed);
        for (sector, found) in (0..).zip(&seen.sectors) {
            if *found == u16::from(file.sector(sector)) {
                continue;
            }
            let Some(block) = file.written_block(sector) else {
                return Err(format!("sector {sector} is {found:#x}, not zeros"));
            };
            let states = self.states.iter().take(begun + 1).skip(earliest);
            let is_in_place = states.filter_map(|state| match state.nodes.get(&id) {
                Some(Node::File(then))
                    if then.written_block(sector) == Some(block) || file.is_cached(sector) =>
                {
                    Some(u16::from(then.sector(sector)))
                }
                _ => None,
            });
            let allowed: Vec<u16> = is_in_place.collect();
            if !allowed.contains(found) {
                return Err(format!("sector {sector} is {found:#x}, none of {allowed:x?}"));
            }
        }
        Ok(())
    }

    /// The state `at`, with the content that is really there.
    #[must_use]
    pub fn adopt(&self, at: usize, tree: &Tree) -> Model {
        let mut model = self.states[at].clone();
        for (path, id) in self.states[at].paths() {
            let Some(seen) = tree.get(&path) else { continue };
            model.adopt(id, seen);
        }
        model
    }
}

impl Model {
    /// Takes over the content of a file.
    pub(crate) fn adopt(&mut self, id: Id, seen: &Seen) {
        let Some(Node::File(file)) = self.nodes.get_mut(&id).filter(|_| id != ROOT) else { return };
        for (sector, found) in (0_u64..).zip(&seen.sectors) {
            let page = file.pages.get_mut(&(sector / 8)).filter(|page| page.is_written);
            if let (Some(page), Ok(byte)) = (page, u8::try_from(*found)) {
                page.sectors[(sector % 8) as usize] = byte;
            }
        }
    }
}

fn compare_file(file: &File, names: usize, seen: &Seen) -> Result<(), String> {
    if seen.kind != FileKind::File {
        return Err(format!("a {:?}", seen.kind));
    }
    if seen.nlink as usize != names {
        return Err(format!("{} names, not {names}", seen.nlink));
    }
    if seen.size_bytes != file.size * SECTOR {
        return Err(format!("{} bytes, not {}", seen.size_bytes, file.size * SECTOR));
    }
    Ok(())
}
